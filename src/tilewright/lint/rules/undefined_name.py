"""TW508."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst
from libcst.metadata import Scope, ScopeProvider

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import Edit
from tilewright.records.finding import Severity

_IMPORTS = {
    "F": "import torch.nn.functional as F",
    "functools": "import functools",
    "libdevice": "from triton.language.extra import libdevice",
    "math": "import math",
    "nn": "import torch.nn as nn",
    "tl": "import triton.language as tl",
    "torch": "import torch",
    "triton": "import triton",
    "Optional": "from typing import Optional",
    "Tuple": "from typing import Tuple",
    "List": "from typing import List",
}
_USE = "def run(x):\n    return {name}.sqrt(x)\n"


class UndefinedName(Rule):
    """A name that is used and never bound is a NameError on the first call: nearly always an import left out."""

    code = "TW508"
    name = "undefined-name"
    severity = Severity.ERROR
    fix_safety = "Adds the usual import for a name that is bound nowhere in the file, which failed before."
    examples = (
        Good("imported", HEADER.replace("import torch\n", "import math\nimport torch\n", 1) + _USE.format(name="math")),
        Good("builtin", HEADER + "def run(x):\n    return len(x)\n"),
        Good("later-in-the-file", HEADER + "def run(x):\n    return other(x)\n\ndef other(x):\n    return x\n"),
        Bad(
            "math",
            HEADER + _USE.format(name="math"),
            "`math` is not defined; add `import math`",
            line=8,
            fixed="import math\n" + HEADER + _USE.format(name="math"),
        ),
        Bad("typo", in_kernel("y = x_prt + 1"), "`x_prt` is not defined", line=9),
    )

    def guard(self, file: FileModel) -> str | None:
        """A star import may bind anything."""
        stars = any(
            isinstance(node, cst.ImportFrom) and isinstance(node.names, cst.ImportStar) for node in file.tree.nodes
        )
        return "a star import may bind any name" if stars else None

    def check(self, file: FileModel) -> Iterator[Report]:
        """Ask LibCST's scopes for accesses that refer to nothing."""
        scopes: set[Scope] = {scope for scope in file.tree.wrapper.resolve(ScopeProvider).values() if scope is not None}
        missing: dict[str, list[cst.Name]] = {}
        for scope in scopes:
            for access in scope.accesses:
                node = access.node
                if isinstance(node, cst.Name) and not access.referents and not _is_built_in(node.value):
                    missing.setdefault(node.value, []).append(node)
        for name, nodes in sorted(missing.items()):
            first = min(nodes, key=file.tree.place)
            line = _IMPORTS.get(name)
            edits: tuple[Edit, ...] = (file.tree.insert(file.import_line, f"{line}\n"),) if line else ()
            yield Report(first, f"`{name}` is not defined; {f'add `{line}`' if line else 'define it'}", edits)


def _is_built_in(name: str) -> bool:
    return hasattr(builtins, name) or name in ("__file__", "__path__", "__annotations__")
