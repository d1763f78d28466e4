"""Hand-made runs: small records with every kind of thing a report has to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tilewright import targets
from tilewright.prove.reference import verified_file
from tilewright.records.algorithm import Accumulated, Apply, Contraction, Loaded, Opaque, Operand, Output
from tilewright.records.build import Build, BuildFailure, InstructionMix
from tilewright.records.estimate import Estimate, Occupancy, Traffic, Waves
from tilewright.records.finding import Finding, Severity
from tilewright.records.launch import Capture, ConstexprArgument, Launch, ScalarArgument, TensorArgument
from tilewright.records.problem import Problem
from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource, Request, TensorSpec
from tilewright.records.timing import Comparison, Conditions, Decision, Interval, Screening, TimedFile
from tilewright.records.trial import (
    Candidate,
    Change,
    Inspection,
    KernelAnalysis,
    Measured,
    Refusal,
    Run,
    StageOutcome,
    Trial,
)
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.records.verification import Claim, Verification

TTIR = "module { tt.func public @must_not_leak() }"
METRICS = {
    "launch__grid_size": 2048.0,
    "sm__warps_active.avg.pct_of_peak_sustained_active": 8.33,
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": 37.63,
    "gpu__time_duration.sum": 2_300_000.0,
    "smsp__inst_executed.sum": 123456.0,
}


def make_estimate(time_us: float = 2000.0, *, binds: str = "l2") -> Estimate:
    return Estimate(
        time_us=time_us,
        low_us=time_us / 1.25,
        high_us=time_us * 1.25,
        binds=binds,
        floors_us={"tensor": 0.8 * time_us, "l2": 0.9 * time_us, "launch": 2.5},
        occupancy=Occupancy(
            programs_per_sm=1,
            warps_per_sm=4,
            fraction=4 / 48,
            limits={"shared_memory": 1, "registers": 4, "warps": 12, "blocks": 24},
            limited_by="shared_memory",
        ),
        waves=Waves(programs=2048, programs_per_wave=128, waves=16.0, efficiency=1.0),
        traffic=Traffic(
            dram_bytes=6.0e8, l2_bytes=8.0e9, shared_bytes=2.5e10, minimum_dram_bytes=2.4e8, l2_hit_fraction=0.92
        ),
    )


def make_build(**changes: object) -> Build:
    build = Build(
        kernel="matmul",
        compute_capability=(8, 9),
        num_warps=4,
        num_stages=3,
        registers_per_thread=128,
        spill_bytes=0,
        shared_bytes=65536,
        mix=InstructionMix(
            loop={"HMMA": 64, "LDGSTS": 16, "LDS": 64, "STG": 1},
            outside={"IMAD": 131, "STG": 8},
            loop_modifiers={
                "HMMA.1688.F32.TF32": 64,
                "LDGSTS.E.BYPASS.LTC128B.128": 12,
                "LDGSTS.E": 4,
                "LDS": 64,
                "STG.E.U16": 1,
            },
        ),
        triton_version="3.9.0",
        ptxas_version="12.9.86",
        content_hash="0123",
    )
    return replace(build, **changes)  # type: ignore[arg-type]


def make_launch(kernel: str = "matmul", *, ordinal: int = 0) -> Launch:
    sizes = {"M": 2048, "N": 4096, "K": 8192, "stride_am": 1, "stride_ak": 2048, "stride_cm": 4096}
    return Launch(
        kernel=kernel,
        ordinal=ordinal,
        grid=(32, 64, 1),
        num_warps=4,
        num_stages=3,
        num_ctas=1,
        arguments=(
            TensorArgument(
                parameter="a_ptr", dtype="fp32", shape=(8192, 2048), strides=(2048, 1), offset=0, origin="input:0"
            ),
            *(ScalarArgument(parameter=name, dtype="i32", value=value) for name, value in sizes.items()),
            ConstexprArgument(parameter="BLOCK", value=64),
        ),
        ttir=TTIR,
        generic_ttir=TTIR,
        call_line=10,
    )


def make_contraction() -> Contraction:
    bias = Loaded(operand=Operand(parameter="bias_ptr", dtype="fp32", strides={"n": "1"}))
    value = Apply(operation="add", arguments=(Accumulated(dtype="fp32"), bias), dtype="fp32")
    return Contraction(
        kernel="matmul",
        extents={"m": "M", "n": "N", "k": "K"},
        batch_axes=(),
        a=Operand(parameter="a_ptr", dtype="fp32", strides={"m": "stride_am", "k": "stride_ak"}),
        b=Operand(parameter="b_ptr", dtype="fp32", strides={"k": "1", "n": "K"}),
        accumulator_dtype="fp32",
        input_precision="tf32",
        outputs=(
            Output(operand=Operand(parameter="c_ptr", dtype="fp32", strides={"m": "stride_cm", "n": "1"}), value=value),
        ),
    )


def make_analysis(**changes: object) -> KernelAnalysis:
    analysis = KernelAnalysis(
        launch=make_launch(),
        algorithm=make_contraction(),
        build=make_build(),
        estimate=make_estimate(),
        diagnosis=Diagnosis(
            kernel="matmul",
            binds="occupancy",
            summary="One program an SM for want of shared memory.",
            evidence=("SM throughput is 37.63 % of peak (measured).", "4 of 48 warps can be active (predicted)."),
            stage="block_tiling",
            fields=("block_m", "num_stages"),
        ),
        schedule=Schedule(),
    )
    return replace(analysis, **changes)  # type: ignore[arg-type]


def make_opaque(kernel: str, *, ordinal: int, time_us: float) -> KernelAnalysis:
    return make_analysis(
        launch=make_launch(kernel, ordinal=ordinal),
        algorithm=Opaque(kernel=kernel, reasons=("it multiplies no matrices",)),
        estimate=make_estimate(time_us, binds="dram"),
    )


def make_check(dtype: str, *, error: float, bound: float, name: str = "output: relative Frobenius error") -> Check:
    return Check(
        name=name,
        dtype=dtype,
        shapes=((100, 52), (36, 100)),
        distribution="normal",
        error=error,
        bound=bound,
        original_error=None if bound == 0 else 1e-4,
        passed=error <= bound,
    )


def make_verdict(status: Status = Status.PROVED) -> Verdict:
    return Verdict(
        status=status,
        checks=(
            make_check("fp32", error=1e-4, bound=4e-4),
            make_check("fp32", error=3e-4, bound=4e-4),
            make_check("fp32", error=0.0, bound=0.0, name="input kept"),
            make_check("bf16", error=0.0, bound=0.0, name="input kept"),
        ),
        reason="4 checks hold",
        unchecked=("programs ran one after the other: races would not show",),
        seed=7,
        elapsed_s=4.5,
    )


def make_trial(**changes: object) -> Trial:
    entries = (Schedule(block_k=32), Schedule(block_n=128, block_k=16))
    trial = Trial(
        candidate=Candidate(
            text="the candidate's text",
            kernel="matmul",
            schedules=entries,
            changes=(
                Change(
                    field="BLOCK_M, BLOCK_N, BLOCK_K",
                    before="64, 64, 64",
                    after="tuned over 2: 64, 64, 32; 64, 128, 16",
                    reason="the tile decides registers and shared memory",
                    predicted_ratio=1.5,
                ),
                Change(
                    field="pointers",
                    before="recomputed",
                    after="advanced",
                    reason="one addition a step",
                    predicted_ratio=None,
                ),
            ),
        ),
        builds=(make_build(shared_bytes=32768), make_build(shared_bytes=24576, spill_bytes=8)),
        estimate=make_estimate(1000.0, binds="tensor"),
        findings=(),
        verdict=make_verdict(),
        entry_estimates=(make_estimate(1100.0), make_estimate(1000.0, binds="tensor")),
    )
    return replace(trial, **changes)  # type: ignore[arg-type]


def make_finding(line: int) -> Finding:
    return Finding(
        path="prompt.txt",
        line=line,
        column=3,
        code="TW602",
        rule="bfloat16-through-float16",
        message="bfloat16 data is narrowed to float16",
        severity=Severity.ERROR,
    )


def make_run(**changes: object) -> Run:
    winner = make_trial()
    source = KernelSource(path="prompt.txt", text="the input's text", kernels=("matmul",), first_line=53)
    run = Run(
        request=Request(
            source=source,
            gpu="4090",
            stage="grid_and_parallel",
            metrics={"matmul": METRICS},
            notes=("code: lines 53 to 228",),
        ),
        target=targets.load("rtx4090"),
        stage="grid_and_parallel",
        capture=Capture(
            launches=(make_launch(),),
            inputs=(TensorSpec(name="A", dtype="f32", shape=(8192, 2048)),),
            outputs=(TensorSpec(name="output0", dtype="f32", shape=(2048, 4096)),),
            assumptions=("shapes not given: assumed A float32 [8192, 2048]",),
        ),
        analyses=(make_analysis(),),
        findings=(make_finding(120), make_finding(121)),
        trials=(winner,),
        winner=winner,
        reason="proved, and predicted to be faster",
        accepted=(winner,),
        refusals=(Refusal(what="matmul: split of K", reason="the grid is large enough"),),
        elapsed_s=12.3,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


@pytest.fixture
def improved() -> Run:
    """One contraction, rewritten and proved."""
    return make_run()


@pytest.fixture
def unchanged() -> Run:
    """A candidate that was refuted, so that the input goes back."""
    lost = make_trial(verdict=replace(make_verdict(Status.REFUTED), reason="output differs at [0, 1]"))
    return make_run(trials=(lost,), winner=None, accepted=(), reason="no candidate could be proved")


@pytest.fixture
def failing() -> Run:
    """The kernel does not build, or does not fit: nothing can be estimated in finite numbers."""
    failure = BuildFailure(
        kernel="matmul", compute_capability=(8, 9), kind="out_of_resources", message="asks for 131072 bytes"
    )
    infinite = replace(make_estimate(), time_us=float("inf"), low_us=float("inf"), high_us=float("inf"))
    infinite = replace(infinite, binds="shared_memory", floors_us={"shared_memory": float("inf")})
    return make_run(
        analyses=(
            make_analysis(build=failure, estimate=None, diagnosis=None),
            make_analysis(launch=make_launch("other", ordinal=1), estimate=infinite, diagnosis=None, schedule=None),
        ),
        trials=(),
        winner=None,
        accepted=(),
        reason="matmul does not build",
    )


@pytest.fixture
def several() -> Run:
    """Three launches, of which the first is rewritten in two steps."""
    first, second = make_trial(estimate=make_estimate(1500.0)), make_trial()
    return make_run(
        analyses=(
            make_analysis(),
            make_opaque("row_max", ordinal=1, time_us=400.0),
            make_opaque("row_sum", ordinal=2, time_us=600.0),
        ),
        trials=(first, second),
        accepted=(first, second),
        winner=second,
    )


def make_comparison() -> Comparison:
    time = Interval(value=2000.0, low=1990.0, high=2010.0)
    file = TimedFile(sha256="00", cold_us=time, warm_us=time, graph_us=time, host_us=None, configurations=("warps 4",))
    three = (1.0, 2.0, 3.0)
    return Comparison(
        baseline=file,
        candidate=replace(file, graph_us=None, host_us=time),
        decision=Decision.SAME,
        ratio=Interval(value=1.0, low=0.99, high=1.01),
        warm_ratio=Interval(value=1.0, low=0.99, high=1.01),
        noise_floor=0.01,
        pairs=100,
        driver="580.1",
        versions={"torch": "2.11.0"},
        conditions=Conditions(
            sm_mhz=three,
            memory_mhz=three,
            power_w=three,
            temperature_c=three,
            throttle_reasons=("heat",),
            samples=9,
        ),
        notes=("one note",),
    )


@pytest.fixture
def measured() -> Run:
    """A run on a GPU: one stage accepted, one candidate that did not run."""
    time = Interval(value=2000.0, low=1990.0, high=2010.0)
    comparison = make_comparison()
    kept = make_trial(
        stage="block_tiling",
        screening=Screening(sha256="00", time_us=time, ratio=time),
        comparison=comparison,
        at_s=12.5,
    )
    lost = make_trial(verdict=None, screening=Screening(sha256="01", time_us=None, ratio=None, error="out of memory"))
    profile = Profile(metrics={"matmul": METRICS}, origin="ncu", notes=("one note",))
    diagnosis = make_analysis().diagnosis
    assert diagnosis is not None
    stage = StageOutcome(
        stage="block_tiling",
        outcome="accepted",
        reason="a larger tile",
        comparison=comparison,
        profile=profile,
        diagnoses=(diagnosis,),
    )
    found = Measured(
        device="NVIDIA H200",
        stages=(stage, StageOutcome(stage="polish", outcome="skipped", reason="no time left")),
        comparison=replace(comparison, conditions=None, driver=None),
        input_us=2000.0,
        before=profile,
        diagnoses_after=(diagnosis,),
        floor_us=300.0,
        notes=("no counters",),
    )
    return make_run(trials=(kept, lost), winner=kept, accepted=(kept,), measured=found, id="r1")


@pytest.fixture
def inspection_of() -> Callable[[Run], Inspection]:
    """The inspection of the same launches."""

    def make(run: Run) -> Inspection:
        return Inspection(request=run.request, target=run.target, capture=run.capture, analyses=run.analyses)

    return make


def make_verification(status: Status, checks: tuple[Check, ...], **changes: object) -> Verification:
    inputs = (
        TensorSpec(name="x", dtype="f32", shape=(8192, 2048)),
        TensorSpec(name="scale=2", dtype="python", shape=()),
    )
    small = (TensorSpec(name="x", dtype="f32", shape=(100, 52)), inputs[1])
    verdict = Verdict(
        status=status,
        checks=checks,
        reason="4 checks on 1 problems in fp32 hold (no-worse)",
        unchecked=("programs ran one after the other: races would not show",),
        seed=11,
        elapsed_s=4.5,
    )
    one = Verification(
        claim=Claim(
            candidate=verified_file("kernel.py", "class ModelNew: pass\n"),
            reference=verified_file("reference.py", "class Model: pass\n"),
            inputs=inputs,
            init_arguments=(2048, (1, 2)),
        ),
        verdict=verdict,
        sandbox="landlock (no network)",
        versions={"tilewright": "0.1.0", "python": "3.11.7"},
        problems=(Problem(inputs=small, init_arguments=(52, (1, 2)), label="ragged"),),
        seeds=(11,),
        started_utc="2026-01-31T12:34:56Z",
        elapsed_s=7.25,
        times_s={"static": 0.25, "candidate": 7.0},
    )
    return replace(one, **changes)  # type: ignore[arg-type]


@pytest.fixture
def proved() -> Verification:
    """Three comparisons and one rule, all of which hold, in the interpreter."""
    lint = replace(make_check("", error=0.0, bound=0.0, name="lint"), shapes=(), distribution="source")
    return make_verification(
        Status.PROVED,
        (
            lint,
            make_check("fp32", error=1e-4, bound=4e-4),
            make_check("fp32", error=3e-4, bound=4e-4),
            make_check("fp32", error=0.0, bound=0.0, name="input kept"),
        ),
    )


@pytest.fixture
def refuted(proved: Verification) -> Verification:
    """The same against an original as well, on a GPU, with an error beyond its bound and one that is not finite."""
    wrong = replace(make_check("fp32", error=1e-3, bound=4e-4), detail="output[62, 8] is 7.13, exactly 7.12")
    worse = replace(make_check("fp32", error=float("inf"), bound=4e-4), name="output: largest error / rms")
    reason = f"{wrong.name} 0.001, allowed 0.0004 (original 0.0001); {wrong.detail} (ragged 100x52, fp32, normal)"
    return replace(
        proved,
        claim=replace(proved.claim, original=verified_file("original.py", "class ModelNew: ...\n")),
        verdict=replace(
            proved.verdict, status=Status.REFUTED, checks=(*proved.verdict.checks, worse, wrong), reason=reason
        ),
        evidence=wrong,
        device="NVIDIA GeForce RTX 4090",
        driver="570.1",
        gpu="rtx4090",
    )


def spread(value: float, *, by: float = 0.002) -> Interval:
    """An interval of a fraction ``by`` to both sides."""
    return Interval(value=value, low=value * (1 - by), high=value * (1 + by))


@pytest.fixture
def slower() -> Comparison:
    """A candidate slowed by 3 %, on a GPU that its power limit held down."""
    file = TimedFile(
        sha256="a" * 64,
        cold_us=spread(2612.0),
        warm_us=spread(2590.0),
        graph_us=spread(2588.0),
        host_us=spread(41.25, by=0.05),
        configurations=("matmul_kernel: BLOCK_M: 128, num_warps: 8",),
    )
    return Comparison(
        baseline=file,
        candidate=replace(file, sha256="b" * 64, cold_us=spread(2690.4), graph_us=None, configurations=()),
        decision=Decision.SLOWER,
        ratio=Interval(value=0.971, low=0.9695, high=0.9725),
        warm_ratio=Interval(value=0.972, low=0.97, high=0.974),
        noise_floor=0.0125,
        pairs=54,
        device="NVIDIA H200",
        driver="570.1",
        versions={"tilewright": "0.1.0", "torch": "2.11.0"},
        conditions=Conditions(
            sm_mhz=(1755.0, 1965.0, 1980.0),
            memory_mhz=(3201.0, 3201.0, 3201.0),
            power_w=(float("nan"),) * 3,
            temperature_c=(38.0, 41.0, 44.0),
            throttle_reasons=("power limit (software)",),
            samples=212,
        ),
        notes=("the candidate has no graph time: it waits",),
        elapsed_s=9.25,
    )


@pytest.fixture
def bare(slower: Comparison) -> Comparison:
    """The same file twice, with nothing known of the device."""
    file = replace(slower.baseline, graph_us=None, host_us=None, configurations=())
    return replace(
        slower,
        baseline=file,
        candidate=file,
        decision=Decision.SAME,
        ratio=spread(1.0),
        conditions=None,
        driver=None,
        notes=(),
    )
