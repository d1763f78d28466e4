"""TW801."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity


class FallbackToTorch(Rule):
    """A ``try`` around a launch hides a kernel that does not compile: the result is right, the time is PyTorch's, and
    nobody learns that the kernel never ran.
    """

    code = "TW801"
    name = "fallback-to-torch"
    severity = Severity.ERROR
    examples = (
        Good("plain-launch", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")),
        Good(
            "try-elsewhere",
            in_wrapper("try:\n    n = int(x)\nexcept ValueError:\n    n = 1\nkernel[(1,)](x, x, n, BLOCK=16)"),
        ),
        Good("cleanup", in_wrapper("try:\n    kernel[(1,)](x, x, 1, BLOCK=16)\nfinally:\n    x = None")),
        Good(
            "raised-again",
            in_wrapper(
                "try:\n    kernel[(1,)](x, x, 1, BLOCK=16)\nexcept ValueError as e:\n    raise TypeError from e"
            ),
        ),
        Bad(
            "torch-instead",
            in_wrapper("try:\n    kernel[(1,)](x, x, 1, BLOCK=16)\nexcept Exception:\n    x = torch.relu(x)"),
            "hides a kernel that fails",
            line=14,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for handlers around a launch, or around a call of a function with a launch, that do not raise."""
        sites = {site.node for site in file.launches}
        launching = {site.function.name.value for site in file.launches if site.function is not None}
        for node in file.tree.nodes:
            if isinstance(node, cst.Try):
                calls = {item for item in walk(node.body) if isinstance(item, cst.Call)}
                swallowing = [
                    item for item in node.handlers if not any(isinstance(part, cst.Raise) for part in walk(item))
                ]
                if swallowing and (calls & sites or any(dotted(item.func) in launching for item in calls)):
                    yield Report(node, "this `try` hides a kernel that fails; let the error out")
