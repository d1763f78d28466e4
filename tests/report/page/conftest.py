"""Documents as the store hands them out: one predicted by a real run, the others made from it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.timing import Comparison, Conditions, Decision, Interval, Screening, TimedFile
from tilewright.records.trial import Measured, StageOutcome
from tilewright.report.json_form import render_json
from tilewright.report.measured_form import comparison_form, measurement_form, screening_form

DATA = Path(__file__).parents[2] / "data" / "report" / "seed_predicted.json"
Document = dict[str, Any]
WARPS, SM = "sm__warps_active.avg.pct_of_peak_sustained_active", "sm__throughput.avg.pct_of_peak_sustained_elapsed"
TIME, GRID = "gpu__time_duration.sum", "launch__grid_size"
CONFLICTS = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum"


def around(value: float, part: float = 0.004) -> Interval:
    return Interval(value=value, low=value * (1 - part), high=value * (1 + part))


def timed(cold_us: float, *, graph: bool = True) -> TimedFile:
    return TimedFile(
        sha256="0f" * 32,
        cold_us=around(cold_us),
        warm_us=around(0.97 * cold_us),
        graph_us=around(0.96 * cold_us) if graph else None,
        host_us=around(31.0, 0.05),
        configurations=("BLOCK_M=128, BLOCK_N=128, BLOCK_K=32, 8 warps, 3 stages",),
    )


def compared(before_us: float, after_us: float, decision: Decision = Decision.FASTER) -> Comparison:
    ratio = before_us / after_us
    return Comparison(
        baseline=timed(before_us),
        candidate=timed(after_us),
        decision=decision,
        ratio=around(ratio),
        warm_ratio=around(ratio * 1.01),
        noise_floor=0.004,
        pairs=240,
        device="NVIDIA H200",
        driver="580.65.06",
        versions={"python": "3.12.3", "torch": "2.11.0", "triton": "3.6.0"},
        conditions=Conditions(
            sm_mhz=(1830.0, 1965.0, 1980.0),
            memory_mhz=(3201.0, 3201.0, 3201.0),
            power_w=(312.0, 541.5, 655.0),
            temperature_c=(41.0, 47.0, 52.0),
            throttle_reasons=("software power cap",),
            samples=412,
        ),
        elapsed_s=21.0,
    )


def profile(time_us: float, sm: float, warps: float, conflicts: float) -> Profile:
    values = {TIME: 1e3 * time_us, SM: sm, WARPS: warps, GRID: 2048.0, CONFLICTS: conflicts}
    return Profile(metrics={"matmul_kernel": values}, origin="ncu 2025.3")


def diagnosis(binds: str, summary: str, *evidence: str) -> Diagnosis:
    return Diagnosis(
        kernel="matmul_kernel",
        binds=binds,
        summary=summary,
        evidence=evidence,
        stage="advanced_memory",
        fields=("a_layout", "descriptors"),
    )


def stages() -> tuple[StageOutcome, ...]:
    bank = diagnosis(
        "shared",
        "Shared memory is read in conflict: A lies along the axis that its unit does not want.",
        "435,112,960 bank conflicts in one launch (measured).",
        "Every element of A crosses by a copy of 4 bytes (from the binary).",
    )
    return (
        StageOutcome(
            stage="grid_and_parallel",
            outcome="skipped",
            reason="the grid of 2,048 programs fills 16 waves of 132 SMs",
            profile=profile(2610.0, 37.6, 18.2, 435_112_960.0),
            diagnoses=(bank,),
            elapsed_s=6.1,
        ),
        StageOutcome(
            stage="block_tiling",
            outcome="accepted",
            reason="a tile of 128x128x32 reads each operand half as often",
            considered=212,
            built=24,
            timed=8,
            proved=2,
            comparison=compared(2610.0, 1104.0),
            elapsed_s=74.0,
        ),
        StageOutcome(
            stage="memory_access",
            outcome="reverted",
            reason="advanced pointers were proved, and not faster",
            considered=6,
            built=5,
            timed=3,
            proved=1,
            comparison=compared(1104.0, 1113.0, Decision.SAME),
            elapsed_s=31.0,
        ),
        StageOutcome(
            stage="advanced_memory",
            outcome="accepted",
            reason="8 warps hide the copies",
            considered=14,
            built=9,
            timed=6,
            proved=1,
            comparison=compared(1104.0, 903.0),
            elapsed_s=48.0,
        ),
        StageOutcome(
            stage="polish",
            outcome="accepted",
            reason="both together allow a tile of 128x256x32",
            considered=40,
            built=12,
            timed=6,
            proved=1,
            comparison=compared(903.0, 863.0),
            elapsed_s=39.0,
        ),
    )


def formed(form: object) -> Any:
    """As it comes back from a file."""
    return json.loads(render_json({"form": form}))["form"]


def trial_of(base: Document, stage: str, at_s: float, time_us: float | None, **changes: object) -> Document:
    trial = copy.deepcopy(base)
    found = Screening(
        sha256="ab" * 32,
        time_us=None if time_us is None else around(time_us, 0.01),
        ratio=None if time_us is None else around(2610.0 / time_us, 0.01),
        error="" if time_us is not None else "out of resource: shared memory",
    )
    trial.update({"stage": stage, "at_s": at_s, "accepted": False, "screening": formed(screening_form(found))})
    trial.update(changes)
    return trial


def predicted_document() -> Document:
    document: Document = json.loads(DATA.read_text(encoding="utf-8"))
    return document


def measured_document() -> Document:
    document = predicted_document()
    base = document["trials"][0]
    done = stages()
    measured = Measured(
        device="NVIDIA H200",
        stages=done,
        comparison=compared(2607.0, 863.0),
        input_us=2610.0,
        before=profile(2610.0, 37.6, 18.2, 435_112_960.0),
        after=profile(863.0, 71.3, 24.9, 401_008_640.0),
        diagnoses_after=(diagnosis("shared", "Shared memory still binds it.", "SM throughput is 71.3 % (measured)."),),
        floor_us=319.4,
    )
    tries = [(14, 2210.0), (19, 1720.0), (23, 1390.0), (28, 4100.0), (33, None), (38, 1260.0), (96, 1190.0)]
    trials = [trial_of(base, "block_tiling", float(at), time, verdict=None) for at, time in tries]
    ends = (80.0, 112.0, 160.0, 199.0)
    for at, one in zip(ends, done[1:], strict=True):
        comparison = one.comparison
        assert comparison is not None
        kept = comparison.decision is Decision.FASTER
        form = formed(comparison_form(comparison))
        trials.append(trial_of(base, one.stage, at, comparison.candidate.cold_us.value, accepted=kept, comparison=form))
    document.update(
        stage="all",
        trials=trials,
        measurement=formed(measurement_form(measured)),
        elapsed_s=214.0,
        reason="proved, and measured to be faster",
        run="r20261122-9c1e",
        gpu={
            "name": "h200",
            "title": "NVIDIA H200",
            "compute_capability": "9.0",
            "sm_count": 132,
            "dram_gb_per_s": 4800.0,
            "peak_tflops": {"tensor_tf32": 494.7, "tensor_fp16": 989.4, "tensor_bf16": 989.4, "fp32": 66.9},
        },
    )
    return document


def unchanged_document() -> Document:
    document = predicted_document()
    for trial in document["trials"]:
        trial["accepted"] = False
        trial["verdict"]["status"] = "refuted"
        trial["verdict"]["reason"] = "output differs at [0, 1]"
    document.update(result="unchanged", reason="no candidate could be proved", speedup=None, gains=[], certificate=None)
    document["texts"]["output"] = document["texts"]["input"]
    return document


def interrupted_document() -> Document:
    document = measured_document()
    for key in ("result", "reason", "speedup", "gains", "measurement", "certificate", "elapsed_s"):
        document.pop(key)
    document["trials"] = document["trials"][:8]
    document["texts"] = {"input": document["texts"]["input"], "output": None}
    return document


DOCUMENTS = {
    "predicted": predicted_document,
    "measured": measured_document,
    "unchanged": unchanged_document,
    "interrupted": interrupted_document,
}


@pytest.fixture(params=sorted(DOCUMENTS))
def document(request: pytest.FixtureRequest) -> Document:
    """Each of the four."""
    return DOCUMENTS[request.param]()


@pytest.fixture
def predicted() -> Document:
    """The seed, predicted: one stage, one autotune list, proved in the interpreter."""
    return predicted_document()


@pytest.fixture
def measured() -> Document:
    """The seed on an H200: four stages and the polish."""
    return measured_document()


@pytest.fixture
def unchanged() -> Document:
    """A candidate that was refuted, so that the input goes back."""
    return unchanged_document()


@pytest.fixture
def interrupted() -> Document:
    """Ended in the middle: one change kept, no result."""
    return interrupted_document()
