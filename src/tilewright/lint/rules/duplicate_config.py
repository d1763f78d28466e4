"""TW306."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import Config, FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.lint.tree import Edit
from tilewright.records.finding import Severity

_ONE = "triton.Config({'BLOCK': 64}, num_warps=8)"


class DuplicateConfig(Rule):
    """Two equal configs are compiled and timed twice for nothing."""

    code = "TW306"
    name = "duplicate-config"
    severity = Severity.WARNING
    fix_safety = "Removes the later of two equal configs; the autotuner chooses among the same set as before."
    examples = (
        Good("different-warps", autotuned(f"{_ONE}, triton.Config({{'BLOCK': 64}}, num_warps=4)")),
        Bad("same-twice", autotuned(f"{_ONE}, {_ONE}"), "same as the one on line 8", line=8, fixed=autotuned(_ONE)),
        Bad(
            "default-written-out",
            autotuned("triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 64}, num_stages=3)"),
            "same as the one on line 8",
            fixed=autotuned("triton.Config({'BLOCK': 64})"),
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the configs of each autotuner by what they set."""
        for kernel in file.kernels.values():
            seen: dict[tuple[frozenset[tuple[str, str]], ...], Config] = {}
            previous: Config | None = None
            for config in (kernel.autotune.configs or ()) if kernel.autotune else ():
                first = seen.setdefault(_identity(file, config), config)
                if first is not config and previous is not None:
                    line = file.tree.place(first.node)[0] + file.source.first_line - 1
                    yield Report(
                        config.node,
                        f"this config is the same as the one on line {line}",
                        _removal(file, previous, config),
                    )
                previous = config


def _identity(file: FileModel, config: Config) -> tuple[frozenset[tuple[str, str]], ...]:
    options = {"num_warps": "4", "num_stages": "3", "num_ctas": "1"}
    options |= {name: file.tree.code(node) for name, node in config.options.items()}
    values = {name: file.tree.code(node) for name, node in config.values.items()}
    return frozenset(values.items()), frozenset(options.items())


def _removal(file: FileModel, previous: Config, config: Config) -> tuple[Edit, ...]:
    """Cut from the end of the element before to the end of this one; comments between them stop the fix."""
    start, end = file.tree.replace(previous.node, "").end, file.tree.replace(config.node, "").end
    own = file.tree.replace(config.node, "").start
    lines = file.source.text.splitlines()
    between = lines[start[0] - 1][start[1] :] if start[0] != own[0] else ""
    if "#" in between or any("#" in line for line in lines[start[0] : own[0] - 1]):
        return ()
    return (Edit(start, end, ""),) if isinstance(config.node, cst.Call) else ()
