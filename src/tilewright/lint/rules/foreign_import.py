"""TW106."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_ALLOWED = frozenset(
    {"torch", "triton", "math", "typing", "__future__", "functools", "itertools", "operator", "dataclasses", "enum"}
    | {"collections", "contextlib", "warnings"}
)


class ForeignImport(Rule):
    """The emitted file must need nothing but torch and triton: any other package may be missing where it runs, and
    modules such as ``os`` or ``inspect`` have no business in a kernel file.
    """

    code = "TW106"
    name = "foreign-import"
    severity = Severity.ERROR
    examples = (
        Good("contract-imports", HEADER + "import math\nfrom typing import Optional\n"),
        Good(
            "part-of-torch", HEADER + "import torch.nn.functional as F\nfrom triton.language.extra import libdevice\n"
        ),
        Bad("numpy", HEADER + "import numpy as np\n", "`numpy`", line=7),
        Bad("from-os", HEADER + "from os import path\n", "`os`", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at the root package of every import."""
        for node in file.tree.nodes:
            roots: set[str] = set()
            if isinstance(node, cst.Import):
                roots = {dotted(item.name).split(".")[0] for item in node.names}
            elif isinstance(node, cst.ImportFrom):
                roots = {dotted(node.module).split(".")[0] if node.module is not None and not node.relative else "."}
            for root in sorted(roots - _ALLOWED):
                yield Report(
                    node, f"`{root}` is imported; a kernel file may use torch, triton and plain helpers such as math"
                )
