"""TW501."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.language import having, nearest, versions
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_INSTEAD = {
    "tanh": "`2 * tl.sigmoid(2 * x) - 1` or `tl.extra.libdevice.tanh`",
    "math.tanh": "`2 * tl.sigmoid(2 * x) - 1` or `tl.extra.libdevice.tanh`",
    "libdevice": "`from triton.language.extra import libdevice`",
    "pow": "`tl.extra.libdevice.pow`, or `tl.exp2(y * tl.log2(x))` for positive x",
    "math.pow": "`tl.extra.libdevice.pow`, or `tl.exp2(y * tl.log2(x))` for positive x",
    "relu": "`tl.maximum(x, 0.0)`",
    "gelu": "`0.5 * x * (1 + tl.erf(x * 0.7071067811865476))`",
    "mean": "`tl.sum(x, axis) / n`",
    "any": "`tl.max(x.to(tl.int32), axis)`",
    "all": "`tl.min(x.to(tl.int32), axis)`",
    "round": "`tl.floor(x + 0.5)` or `tl.extra.libdevice.rint`",
    "matmul": "`tl.dot`",
    "mm": "`tl.dot`",
    "transpose": "`tl.trans`",
    "float": "`tl.float32`",
    "half": "`tl.float16`",
    "int": "`tl.int32`",
    "concat": "`tl.cat` or `tl.join`",
    "ones": "`tl.full(shape, 1, dtype)`",
    "inf": "`float('inf')`",
}


class UnknownTritonName(Rule):
    """A name that ``triton.language`` does not have raises AttributeError when the kernel first compiles, which may be
    long after the file was written; most come from PyTorch's or an older Triton's names.
    """

    code = "TW501"
    name = "unknown-triton-name"
    severity = Severity.ERROR
    examples = (
        Good("known", in_kernel("y = tl.sigmoid(tl.exp(tl.load(x_ptr)))")),
        Good("libdevice", in_kernel("y = tl.extra.cuda.libdevice.tanh(tl.load(x_ptr))")),
        Good("math", in_kernel("y = tl.math.exp(tl.load(x_ptr))")),
        Good("dtype", in_kernel("y = tl.load(x_ptr).to(tl.float8e4nv)")),
        Bad("tanh", in_kernel("y = tl.tanh(tl.load(x_ptr))"), "`tl.tanh` does not exist; use `2 * tl.sigmoid", line=9),
        Bad("typo", in_kernel("y = tl.program_ids(0)"), "did you mean `tl.program_id`?", line=9),
        Bad("in-math", in_kernel("y = tl.math.expp(tl.load(x_ptr))"), "`tl.math.expp` does not exist", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look every longest dotted name up in the list of all versions."""
        local = next((name for name, full in file.aliases.items() if full == "triton.language"), "tl")
        for node in file.tree.nodes:
            if not isinstance(node, cst.Attribute) or isinstance(file.tree.parents.get(node), cst.Attribute):
                continue
            name = file.tl_name(node)
            if name and not name.startswith("_") and not having(name):
                yield Report(node, f"`{local}.{name}` does not exist; {_advice(local, name)}")


def _advice(local: str, name: str) -> str:
    if name in _INSTEAD:
        return f"use {_INSTEAD[name]}"
    known = tuple(dict.fromkeys(item for names in versions().values() for item in names))
    near = nearest(name, known)
    return f"did you mean `{local}.{near}`?" if near else "see the reference of triton.language"
