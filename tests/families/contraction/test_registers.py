"""B through registers: where it is legal and offered, what it costs, and what a compiler makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from emit_cases import ADA, lifted

from tilewright import targets
from tilewright.api.options import read_request
from tilewright.capture import PRELOAD, capture
from tilewright.compiler import BuildJob, build_many
from tilewright.cost import estimate, guess
from tilewright.families import contraction, lift
from tilewright.families.contraction import illegal
from tilewright.families.contraction.registers import REGISTERS
from tilewright.families.contraction.work import work
from tilewright.records.algorithm import Contraction
from tilewright.records.build import Build
from tilewright.records.estimate import Estimate
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.target import Target
from tilewright.records.trial import Lifted
from tilewright.source import parse_inputs

EXAMPLE = str(Path(__file__).parents[3] / "examples/batched_matmul/input.py")
H200, B200 = targets.load("h200"), targets.load("b200")
TILE = {"block_m": 128, "block_n": 128, "block_k": 32, "num_warps": 4, "num_stages": 3}
LARGE = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}
THROUGH = {"a_layout": "k_major", "b_layout": REGISTERS, "descriptors": True}
COPIED = {**THROUGH, "b_layout": "k_major"}
FIELDS = ("a_layout", "b_layout", "descriptors", "block_m", "block_n", "block_k", "num_warps", "num_stages")
GROUPED = Schedule(program_order="grouped", group_m=8)
SIZES = {"many": "A=f32[128,512,1024] B=f32[128,1024,2048]", "large": "A=f32[1,4096,4096] B=f32[1,4096,4096]"}


@pytest.fixture(scope="module")
def products(shelf) -> dict[str, Lifted]:
    """A @ B with both as PyTorch lays them out: many of middling size, and a large one."""
    request, target = read_request(EXAMPLE, gpu="h200", metrics=None, reference=None, inputs=SIZES["many"])
    found = {}
    with shelf.worker(preload=PRELOAD) as worker:
        for name, spec in SIZES.items():
            launched = capture(request.source, target=target, worker=worker, inputs=parse_inputs(spec)).launches
            _, one = lift(launched[0])
            assert isinstance(one, Lifted)
            found[name] = one
    return found


def with_dtype(one: Lifted, dtype: str) -> Lifted:
    algorithm = one.algorithm
    assert isinstance(algorithm, Contraction)
    a, b = (replace(operand, dtype=dtype) for operand in (algorithm.a, algorithm.b))
    return replace(one, algorithm=replace(algorithm, a=a, b=b))


def predicted(one: Lifted, **changes: object) -> Estimate:
    return estimate(work(one, replace(GROUPED, **changes), one.launch), H200)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "change", "word"),
    [
        pytest.param(H200, {}, "", id="legal"),
        pytest.param(H200, {"block_m": 256, "block_n": 64}, "", id="legal and wide"),
        pytest.param(H200, {"split_k": 2}, "", id="legal with k split"),
        pytest.param(ADA, {}, "Hopper", id="older"),
        pytest.param(B200, {}, "Hopper", id="newer"),
        pytest.param(H200, {"input_precision": "tf32x3"}, "TF32", id="in three parts"),
        pytest.param(H200, {"operand_dtype": "fp16"}, "TF32", id="narrowed"),
        pytest.param(H200, {"descriptors": False}, "descriptors", id="pointers"),
        pytest.param(H200, {"a_layout": "m_major"}, "k_major", id="A lies across"),
        pytest.param(H200, {"persistent": True}, "many tiles", id="persistent"),
        pytest.param(H200, {"num_warps": 2}, "four warps", id="no whole group of warps"),
        pytest.param(H200, {"block_n": 32}, "columns of B", id="too few columns"),
        pytest.param(H200, {"block_n": 64, "num_warps": 8}, "columns of B", id="too few for two groups"),
        pytest.param(H200, {"block_m": 512, "block_n": 64, "num_warps": 4}, "256 rows", id="too many rows"),
    ],
)
def test_legal_for_tf32_on_hopper_only(
    products: dict[str, Lifted], target: Target, change: dict[str, object], word: str
) -> None:
    schedule = replace(GROUPED, **{**THROUGH, **TILE, **change})  # type: ignore[arg-type]
    reason = illegal(schedule, products["many"], target)
    assert word in (reason or "") if word else reason is None


def test_half_types_never_need_it(products: dict[str, Lifted]) -> None:
    half = with_dtype(products["many"], "fp16")
    assert "float32" in (illegal(replace(GROUPED, **THROUGH, **TILE), half, H200) or "")  # type: ignore[arg-type]


def test_offered_where_b_lies_along_n_with_tiles_of_which_two_fit_an_sm(products: dict[str, Lifted]) -> None:
    def offered(one: Lifted, target: Target) -> list[Schedule]:
        found = contraction.variants(one, GROUPED, target, FIELDS)
        return [schedule for schedule in found if schedule.b_layout == REGISTERS]

    found = offered(products["many"], H200)
    assert {(128, 128, 32), (256, 64, 32)} <= {(one.block_m, one.block_n, one.block_k) for one in found}
    for one in found:
        assert illegal(one, products["many"], H200) is None
        fit = estimate(work(products["many"], one, products["many"].launch), H200).occupancy
        assert fit.programs_per_sm >= 2
    assert not offered(products["many"], B200)
    assert not offered(with_dtype(products["many"], "bf16"), H200)
    assert not offered(lifted(), H200)  # B lies along k


def test_a_copy_pays_for_one_large_product_and_not_for_many(products: dict[str, Lifted]) -> None:
    for name, copies in (("many", False), ("large", True)):
        copied = predicted(products[name], **COPIED, **LARGE)
        through = predicted(products[name], **THROUGH, **TILE)
        assert (copied.time_us < through.time_us) == copies
        assert "copy" in copied.floors_us
        assert "copy" not in through.floors_us


def test_a_program_alone_on_its_sm_waits_for_its_fragments(products: dict[str, Lifted]) -> None:
    alone = predicted(products["large"], **THROUGH, **{**LARGE, "block_m": 256, "block_n": 128})
    assert alone.occupancy.programs_per_sm == 1
    assert alone.time_us > 1.5 * alone.floors_us["tensor"]


def test_the_binary_waits_for_each_step_and_keeps_b_in_registers(products: dict[str, Lifted], shelf) -> None:
    request, target = read_request(EXAMPLE, gpu="h200", metrics=None, reference=None, inputs=SIZES["many"])
    one = products["many"]
    schedule = replace(GROUPED, **THROUGH, **TILE)  # type: ignore[arg-type]
    text = contraction.emit(request.source, one, (schedule,), docstring="Test.")
    assert isinstance(text, str)
    with shelf.worker(preload=PRELOAD) as worker:
        written = KernelSource(path="kernel.py", text=text, kernels=request.source.kernels)
        found = capture(written, target=target, worker=worker, inputs=parse_inputs(SIZES["many"]))
    (main,) = found.launches  # nothing is copied
    job = BuildJob(kernel=main.kernel, ttir=main.ttir, compute_capability=(9, 0), num_warps=4, num_stages=3)
    with shelf.pool(preload=("tilewright.compiler.job",)) as pool:
        (build,) = build_many([job], pool=pool, cache=None)
    assert isinstance(build, Build)
    assert not build.overwrites_operands
    assert build.spill_bytes == 0
    assert {"HGMMA", "LDS", "UTMALDG"} <= set(build.mix.loop)
    assert not {"STS", "LDGSTS"} & set(build.mix.loop)
    assert sum(count for name, count in build.mix.loop_modifiers.items() if name.startswith("WARPGROUP.DEPBAR")) == 1
    assert build.shared_bytes == guess(H200, work(one, schedule, one.launch)).shared_bytes
