"""TW502."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.language import nearest, parameters
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import Edit, keywords
from tilewright.records.finding import Severity

_RENAMED = {("dot", "acc_dtype"): "out_dtype", ("dot", "accumulator"): "acc", ("dot", "precision"): "input_precision"}
_INSTEAD = {
    "trans_a": "transpose with `tl.trans(a)`", "trans_b": "transpose with `tl.trans(b)`",
    "transpose_a": "transpose with `tl.trans(a)`", "transpose_b": "transpose with `tl.trans(b)`",
}  # fmt: skip


class UnknownKeyword(Rule):
    """A keyword that a function of ``triton.language`` does not take is a TypeError when the kernel compiles: for
    ``tl.dot`` those are ``acc_dtype``, ``trans_b`` and others that older versions or other libraries have.
    """

    code = "TW502"
    name = "unknown-keyword"
    severity = Severity.ERROR
    fix_safety = "Renames a keyword that no version accepts, so nothing compiled before; the value stays as it is."
    examples = (
        Good("known", in_kernel("c = tl.dot(a, b, out_dtype=tl.float32)")),
        Good("in-some-versions", in_kernel("c = tl.load(x_ptr, boundary_check=(0,))")),
        Good("takes-anything", in_kernel("c = tl.sum(x_ptr, axis=0)")),
        Bad(
            "acc-dtype",
            in_kernel("c = tl.dot(a, b, acc_dtype=tl.float32)"),
            "`tl.dot` has no `acc_dtype`; use `out_dtype`",
            line=9,
            fixed=in_kernel("c = tl.dot(a, b, out_dtype=tl.float32)"),
        ),
        Bad("transpose", in_kernel("c = tl.dot(a, b, trans_b=True)"), "`tl.trans(b)`", line=9),
        Bad("load-typo", in_kernel("c = tl.load(x_ptr, masks=n > 0)"), "did you mean `mask`?", line=9),
        Bad("store-other", in_kernel("tl.store(x_ptr, 1.0, other=0.0)"), "`tl.store` has no `other`", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare each keyword with the parameters of all versions."""
        for node in file.tree.nodes:
            name = file.tl_name(node) if isinstance(node, cst.Call) else ""
            known = {item for items in parameters(name).values() for item in items} if name else set()
            for keyword in keywords(node) if known and isinstance(node, cst.Call) else ():
                if keyword not in known:
                    message, edits = self._advice(file, node, name, keyword, tuple(sorted(known)))
                    yield Report(node, f"`tl.{name}` has no `{keyword}`; {message}", edits)

    def _advice(
        self, file: FileModel, node: cst.CSTNode, name: str, keyword: str, known: tuple[str, ...]
    ) -> tuple[str, tuple[Edit, ...]]:
        new = _RENAMED.get((name, keyword))
        if new is not None and isinstance(node, cst.Call):
            taken = new in keywords(node) or len([item for item in node.args if item.keyword is None]) > 2
            place = next(
                item.keyword for item in node.args if item.keyword is not None and item.keyword.value == keyword
            )
            return f"use `{new}`", () if taken else (file.tree.replace(place, new),)
        if keyword in _INSTEAD:
            return _INSTEAD[keyword], ()
        near = nearest(keyword, known)
        return (f"did you mean `{near}`?" if near else f"it takes {', '.join(known)}"), ()
