"""Kernels whose source is kept: launch settings and swapped axes."""

from dataclasses import replace

import pytest

from tilewright.families import opaque
from tilewright.records.launch import Launch, ScalarArgument, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted, Refusal

TEXT = '''\
import torch
import triton
import triton.language as tl


@triton.jit
def scale_kernel(x_ptr, y_ptr, n, m, BLOCK: tl.constexpr):
    """Scale rows."""
    row = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)  # tile
    x = tl.load(x_ptr + row * m + column, mask=column < m)
    tl.store(y_ptr + row * m + column, 2 * x, mask=column < m)


def scale(x):
    n, m = x.shape
    y = torch.empty_like(x)
    grid = (n, triton.cdiv(m, 64))
    scale_kernel[grid](
        x, y,
        n, m,
        BLOCK=64,  # fixed
        num_warps=4,
    )
    return y


class ModelNew(torch.nn.Module):
    def forward(self, x):
        return scale(x)
'''

TTIR = """\
module {
  tt.func public @scale_kernel(%x_ptr: !tt.ptr<f32> loc("x_ptr"), %y_ptr: !tt.ptr<f32>, %n: i32, %m: i32) {
    %0 = tt.splat %x_ptr : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
    %1 = tt.addptr %0, %offs : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
    %2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %1) -> (tensor<64x!tt.ptr<f32>>)  : i32 {
      %x = tt.load %p, %mask : tensor<64x!tt.ptr<f32>>
      %3 = tt.splat %STORED : !tt.ptr<f32> -> tensor<64x!tt.ptr<f32>>
      %4 = tt.addptr %3, %offs : tensor<64x!tt.ptr<f32>>, tensor<64xi32>
      tt.store %4, %x, %mask : tensor<64x!tt.ptr<f32>>
      scf.yield %p : tensor<64x!tt.ptr<f32>>
    }
    tt.return
  }
}
"""


DESCRIBED = """\
module {
  tt.func public @scale_kernel(%x_ptr: !tt.tensordesc<64x64xf32>, %y_ptr: !tt.tensordesc<64x64xf32>, %n: i32) {
    %x = tt.descriptor_load %x_ptr[%c0, %c0] : !tt.tensordesc<64x64xf32> -> tensor<64x64xf32>
    tt.descriptor_store %STORED[%c0, %c0], %x : !tt.tensordesc<64x64xf32>, tensor<64x64xf32>
    tt.return
  }
}
"""


def launch(stored: str = "y_ptr", origin: str = "allocated:0", grid: tuple[int, int, int] = (100, 3, 1)) -> Launch:
    def tensor(name: str, where: str) -> TensorArgument:
        return TensorArgument(parameter=name, dtype="fp32", shape=(100, 130), strides=(130, 1), offset=0, origin=where)

    def number(name: str, value: int) -> ScalarArgument:
        return ScalarArgument(parameter=name, dtype="i32", value=value)

    return Launch(
        kernel="scale_kernel", ordinal=0, grid=grid, num_warps=4, num_stages=3, num_ctas=1,
        arguments=(tensor("x_ptr", "input:0"), tensor("y_ptr", origin), number("n", 100), number("m", 130)),
        ttir="", generic_ttir=TTIR.replace("STORED", stored), call_line=18,
    )  # fmt: skip


def stage(*fields: str) -> Stage:
    return Stage(
        name="any", position=0, focus="", fields=fields, tunable=(("num_warps", "num_stages"),), thresholds=(),
        guidelines=(), safety_rules=(), autotune_rules=(),
    )  # fmt: skip


def target() -> Target:
    names = Target.__dataclass_fields__
    known = {"max_threads_per_block": 1024, "warp_size": 32, "compute_capability": (8, 9), "sources": {}}
    return Target(**{name: known.get(name, 0) for name in names})  # type: ignore[arg-type]


def emitted(*plan: Schedule, text: str = TEXT, case: Lifted | None = None) -> str | Refusal:
    source = KernelSource(path="scale.py", text=text, kernels=("scale_kernel",))
    return opaque.emit(source, case or opaque.lift(launch()), plan, docstring="Why.")


def test_one_schedule_is_passed_at_the_launch_and_nothing_else_changes() -> None:
    text = emitted(Schedule(num_warps=8, num_stages=2))
    assert isinstance(text, str)
    assert "num_warps=8, num_stages=2," in text
    assert "# fixed" in text
    assert "# tile" in text
    assert '"""Why.\n\n    Scale rows.\n    """' in text
    assert text.count("num_warps") == 1


def test_a_list_is_keyed_on_whole_numbers_and_leaves_the_launch_without_them() -> None:
    text = emitted(*(Schedule(num_warps=warps) for warps in (2, 4, 8)))
    assert isinstance(text, str)
    assert "@triton.autotune(\n    configs=[\n        triton.Config({}, num_warps=2, num_stages=3)," in text
    assert 'key=["n", "m"]' in text
    assert text.count("num_warps=") == 3


@pytest.mark.parametrize(
    ("stored", "origin"),
    [pytest.param("x_ptr", "allocated:0", id="same pointer"), pytest.param("y_ptr", "input:0", id="same tensor")],
)
def test_a_kernel_that_reads_what_it_writes_is_not_tuned(stored: str, origin: str) -> None:
    case = opaque.lift(launch(stored, origin))
    plans = opaque.candidates(case, target(), stage())
    assert plans
    assert all(len(plan) == 1 for plan in plans)
    refused = emitted(Schedule(num_warps=2), Schedule(num_warps=4), case=case)
    assert isinstance(refused, Refusal)
    assert "reads what it writes" in refused.reason


@pytest.mark.parametrize(
    ("stored", "origin", "tuned"),
    [("y_ptr", "allocated:0", True), ("y_ptr", "input:0", False), ("x_ptr", "allocated:0", False)],
)
def test_descriptors_are_read_and_written_like_pointers(stored: str, origin: str, tuned: bool) -> None:
    described = replace(launch(stored, origin), generic_ttir=DESCRIBED.replace("STORED", stored))
    plans = opaque.candidates(opaque.lift(described), target(), stage())
    assert any(len(plan) > 1 for plan in plans) == tuned


@pytest.mark.parametrize("operation", ["descriptor_reduce add", "descriptor_scatter", "descriptor_gather"])
def test_other_operations_on_descriptors_are_not_run_again(operation: str) -> None:
    text = DESCRIBED.replace("descriptor_store", operation).replace("STORED", "y_ptr")
    plans = opaque.candidates(opaque.lift(replace(launch(), generic_ttir=text)), target(), stage())
    assert all(len(plan) == 1 for plan in plans)


def test_candidates_are_other_warps_a_list_and_swapped_axes() -> None:
    plans = opaque.candidates(opaque.lift(launch()), target(), stage("program_order"))
    assert [[entry.num_warps for entry in plan] for plan in plans] == [[1], [2], [8], [16], [2, 4, 8], [4]]
    assert plans[-1][0].program_order == "grid_2d_swapped"
    assert len(opaque.candidates(opaque.lift(launch(grid=(100000, 3, 1))), target(), stage("program_order"))) == 5


def test_swapped_axes_change_the_grid_and_the_program_ids_together() -> None:
    text = emitted(Schedule(program_order="grid_2d_swapped"))
    assert isinstance(text, str)
    assert "grid = (triton.cdiv(m, 64), n)" in text
    assert "row = tl.program_id(1)" in text
    assert "column = tl.program_id(0) * BLOCK" in text


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        pytest.param("(n, triton.cdiv(m, 64))", "make_grid(n, m)", "pair", id="computed grid"),
        pytest.param("    grid = (n", "    grid = None\n    grid = (n", "once", id="grid assigned twice"),
        pytest.param("tl.program_id(0)", "tl.program_id(BLOCK)", "program ids", id="computed axis"),
    ],
)
def test_a_swap_that_cannot_be_written_is_refused(before: str, after: str, word: str) -> None:
    refused = emitted(Schedule(program_order="grid_2d_swapped"), text=TEXT.replace(before, after))
    assert isinstance(refused, Refusal)
    assert word in refused.reason


def test_a_kernel_with_its_own_list_is_left_alone() -> None:
    tuned = TEXT.replace("@triton.jit", "@triton.autotune(configs=[triton.Config({})], key=[])\n@triton.jit")
    refused = emitted(Schedule(num_warps=8), text=tuned)
    assert isinstance(refused, Refusal)
    assert "autotune" in refused.reason


def test_work_counts_each_tensor_once() -> None:
    case = opaque.lift(launch())
    done = opaque.work(case, case.schedule, case.launch)
    assert (done.read_bytes, done.written_bytes, done.programs) == (52000.0, 52000.0, 300)
