"""TW504."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.language import having, parameters, versions
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import keywords
from tilewright.records.finding import Severity


class NotInEveryVersion(Rule):
    """A name or keyword that only some of the supported Triton versions have makes a file that works on one machine
    fail on the next.
    """

    code = "TW504"
    name = "not-in-every-version"
    severity = Severity.WARNING
    examples = (
        Good("in-all", in_kernel("x = tl.load(x_ptr, mask=n > 0)")),
        Good("in-none", in_kernel("x = tl.load(x_ptr, masks=n > 0)")),
        Bad("keyword", in_kernel("x = tl.load(x_ptr, boundary_check=(0,))"), "`boundary_check` of `tl.load`", line=9),
        Bad("name", in_kernel("x = tl.advance(x_ptr, (0, 16))"), "`tl.advance` exists in Triton 3.6 only", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look names and keywords up in each version's list."""
        count = len(versions())
        for node in file.tree.nodes:
            name = file.tl_name(node) if isinstance(node, cst.Call) else ""
            if not name or not isinstance(node, cst.Call):
                continue
            if 0 < len(having(name)) < count:
                yield Report(node, f"`tl.{name}` exists in Triton {' and '.join(having(name))} only")
            for keyword in keywords(node):
                found = [version for version, items in parameters(name).items() if keyword in items]
                if 0 < len(found) < len(parameters(name)):
                    yield Report(node, f"`{keyword}` of `tl.{name}` exists in Triton {' and '.join(found)} only")
