"""TW105."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import assigned_names
from tilewright.records.finding import Severity

_REQUIRED = {
    "torch": "import torch",
    "torch.nn": "import torch.nn as nn",
    "triton": "import triton",
    "triton.language": "import triton.language as tl",
}
_NO_NN = "import torch\nimport triton\nimport triton.language as tl\n"


class MissingRequiredImport(Rule):
    """The contract names four imports (torch, torch.nn, triton, triton.language as tl); a file that leaves one out
    fails as soon as a part that uses it is edited or spliced in.
    """

    code = "TW105"
    name = "missing-required-import"
    severity = Severity.ERROR
    fix_safety = "Adds an import of a module that every kernel file may use; no name in the file is rebound."
    examples = (
        Good("all-four", HEADER),
        Good(
            "from-torch-import-nn",
            "import torch\nfrom torch import nn\nimport triton\nfrom triton import language as tl\n",
        ),
        Bad("no-nn", _NO_NN, "`import torch.nn as nn` is missing", line=1, fixed="import torch.nn as nn\n" + _NO_NN),
        Bad(
            "name-taken",
            "import torch\nimport torch.nn as nn\nimport triton\n\ntl = 3\n",
            "`import triton.language as tl` is missing",
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare what the aliases stand for with what is required."""
        present = set(file.aliases.values())
        node = next(iter(file.top), file.tree.module)
        lines = [text for full, text in _REQUIRED.items() if full not in present]
        taken = any(_bound(text) in (*_names(file), *file.aliases) for text in lines)
        edits = () if taken else (file.tree.insert(file.import_line, "\n".join([*lines, ""])),)
        if lines:
            what = ", ".join(f"`{text}`" for text in lines)
            yield Report(node, f"{what} {'is' if len(lines) == 1 else 'are'} missing; the contract asks for it", edits)


def _bound(text: str) -> str:
    return text.rpartition(" ")[2]


def _names(file: FileModel) -> set[str]:
    return set(assigned_names(file.tree.module)) | set(file.functions) | set(file.kernels) | set(file.classes)
