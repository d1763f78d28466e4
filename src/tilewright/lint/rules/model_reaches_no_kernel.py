"""TW104."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.facts import functions_reached
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.records.finding import Severity

_FILE = in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)") + "\n\nclass ModelNew(nn.Module):\n    def forward(self, x):\n"


class ModelReachesNoKernel(Rule):
    """A file whose ``ModelNew`` never gets to a kernel measures PyTorch and not the kernel, whatever that does."""

    code = "TW104"
    name = "model-reaches-no-kernel"
    severity = Severity.ERROR
    examples = (
        Good("through-wrapper", _FILE + "        return run(x)\n"),
        Good("direct-launch", _FILE + "        kernel[(1,)](x, x, 1, BLOCK=16)\n"),
        Bad("torch-only", _FILE + "        return torch.relu(x)\n", "never reaches a kernel launch", line=17),
    )

    def guard(self, file: FileModel) -> str | None:
        """Need ModelNew and a launch that is written in the usual way."""
        if file.model_new is None:
            return "no ModelNew"
        return None if file.launches else "no launch to be found"

    def check(self, file: FileModel) -> Iterator[Report]:
        """Follow every name that ModelNew mentions."""
        reached = functions_reached(file)
        around = {file.tree.function_of(site.node) for site in file.launches}
        around |= {file.tree.function_of(item) for item in around if item is not None}
        if file.model_new is not None and not any(item in around for item in reached):
            yield Report(file.model_new, "`ModelNew` never reaches a kernel launch; call the wrapper in `forward`")
