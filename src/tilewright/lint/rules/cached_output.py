"""TW802."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity


class CachedOutput(Rule):
    """An output kept under the address, identity or version of an input is returned without running the kernel, and is
    wrong as soon as the memory is used again for other data.
    """

    code = "TW802"
    name = "cached-output"
    severity = Severity.ERROR
    examples = (
        Good("no-cache", in_wrapper("return torch.empty_like(x)")),
        Good("alignment-check", in_wrapper("aligned = x.data_ptr() % 16 == 0")),
        Good("alias-check", in_wrapper("assert x.data_ptr() != x.T.data_ptr()")),
        Bad(
            "address",
            in_wrapper("key = (x.data_ptr(), x.shape)\nreturn CACHE[key]"),
            "`x.data_ptr()` as a key",
            line=14,
        ),
        Bad("identity", in_wrapper("return CACHE.get(id(x))"), "`id(x)` as a key", line=14),
        Bad("version", in_wrapper("return CACHE[x._version]"), "`x._version` as a key", line=14),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for addresses, identities and versions that are not merely compared or checked for alignment."""
        for function in file.host_functions:
            for node in walk(function.body):
                call = isinstance(node, cst.Call) and (
                    dotted(node.func) == "id"
                    or (isinstance(node.func, cst.Attribute) and node.func.attr.value == "data_ptr")
                )
                if call or (isinstance(node, cst.Attribute) and node.attr.value == "_version"):
                    parent = file.tree.parents[node]
                    if not isinstance(parent, (cst.BinaryOperation, cst.Comparison, cst.ComparisonTarget)):
                        yield Report(
                            node,
                            f"`{file.tree.code(node)}` as a key keeps results apart from the data; compute each time",
                        )
