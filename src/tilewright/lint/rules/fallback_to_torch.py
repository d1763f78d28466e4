"""TW801."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import launching
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
        Bad(
            "through-a-function",
            in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")
            + "\n\ndef once(x):\n    run(x)\n\n\n"
            + "def main(x):\n    try:\n        once(x)\n    except Exception:\n        pass\n",
            "hides a kernel that fails",
            line=22,
        ),
        Bad(
            "suppressed",
            in_wrapper("with contextlib.suppress(Exception):\n    kernel[(1,)](x, x, 1, BLOCK=16)"),
            "hides a kernel that fails",
            line=14,
        ),
        Bad(
            "finally-returns",
            in_wrapper("try:\n    kernel[(1,)](x, x, 1, BLOCK=16)\nfinally:\n    return x"),
            "hides a kernel that fails",
            line=14,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for what swallows an error of a launch, or of a call of a function that comes to launch."""
        sites = {site.node for site in file.launches}
        names = {item.name.value for item in launching(file)}
        names |= {site.function.name.value for site in file.launches if site.function is not None}
        for node in file.tree.nodes:
            if isinstance(node, (cst.Try, cst.With)) and self._swallows(node):
                calls = {item for item in walk(node.body) if isinstance(item, cst.Call)}
                if calls & sites or any(dotted(item.func).removeprefix("self.") in names for item in calls):
                    kind = "try" if isinstance(node, cst.Try) else "suppress"
                    yield Report(node, f"this `{kind}` hides a kernel that fails; let the error out")

    @staticmethod
    def _swallows(node: cst.Try | cst.With) -> bool:
        if isinstance(node, cst.With):
            calls = [item.item.func for item in node.items if isinstance(item.item, cst.Call)]
            return any(dotted(item).rpartition(".")[2] == "suppress" for item in calls)
        if node.finalbody is not None and any(isinstance(part, cst.Return) for part in walk(node.finalbody)):
            return True
        return any(not any(isinstance(part, cst.Raise) for part in walk(item)) for item in node.handlers)
