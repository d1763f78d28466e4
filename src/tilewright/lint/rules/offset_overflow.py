"""TW601."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import walk
from tilewright.records.finding import Severity
from tilewright.records.launch import Launch, ScalarArgument, TensorArgument

_LIMIT = (1 << 31) - 1


def _launch(shape: tuple[int, ...], strides: tuple[int, ...], scalar: str = "i32") -> tuple[Launch, ...]:
    tensor = TensorArgument(
        parameter="x_ptr", dtype="fp32", shape=shape, strides=strides, offset=0, origin="input:0"
    )  # fmt: skip
    return (
        Launch(
            kernel="kernel", ordinal=0, grid=(1, 1, 1), num_warps=4, num_stages=3, num_ctas=1, ttir="", generic_ttir="",
            arguments=(tensor, ScalarArgument(parameter="n", dtype=scalar, value=1)), call_line=1,
        ),
    )  # fmt: skip


_NARROW = in_kernel("x = tl.load(x_ptr + tl.program_id(0) * BLOCK)")
_WIDE = in_kernel("x = tl.load(x_ptr + tl.program_id(0).to(tl.int64) * BLOCK)")


class OffsetOverflow(Rule):
    """Triton computes offsets in 32 bits unless told otherwise: a tensor whose elements lie further than 2147483647
    from its start is read and written at wrong addresses, silently.
    """

    code = "TW601"
    name = "offset-overflow"
    severity = Severity.ERROR
    examples = (
        Good("no-capture", _NARROW),
        Good("small", _NARROW, _launch((1024, 1024), (1024, 1))),
        Good("64-bit-offsets", _WIDE, _launch((70000, 70000), (70000, 1))),
        Good("64-bit-argument", _NARROW, _launch((70000, 70000), (70000, 1), scalar="i64")),
        Good("broadcast-axis", _NARROW, _launch((1 << 40, 4), (0, 1))),
        Bad(
            "large", _NARROW, "`x_ptr` reaches offset 4899930000", line=8, launches=_launch((70000, 70000), (70000, 1))
        ),
    )

    def guard(self, file: FileModel) -> str | None:
        """Shapes are needed."""
        return None if file.captured else "no captured launches"

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the reach of each captured tensor with 32 bits."""
        for launch in file.captured:
            kernel = file.kernels.get(launch.kernel)
            if kernel is None or _is_wide(file, kernel.node, launch):
                continue
            for item in launch.arguments:
                if isinstance(item, TensorArgument) and (reach := _reach(item)) > _LIMIT:
                    yield Report(
                        kernel.node,
                        f"`{item.parameter}` reaches offset {reach} for shape {item.shape} and offsets are 32-bit; "
                        "cast the program id with `.to(tl.int64)`",
                    )


def _reach(tensor: TensorArgument) -> int:
    """Return the largest offset along one axis, in elements: no split of the sum makes that fit."""
    return max((abs(stride) * (size - 1) for size, stride in zip(tensor.shape, tensor.strides, strict=True)), default=0)


def _is_wide(file: FileModel, node: cst.FunctionDef, launch: Launch) -> bool:
    """Tell whether anything in the kernel or the launch is 64-bit, which may widen the offsets."""
    if any(isinstance(item, ScalarArgument) and item.dtype == "i64" for item in launch.arguments):
        return True
    return any(isinstance(item, cst.Attribute) and item.attr.value in ("int64", "uint64") for item in walk(node))
