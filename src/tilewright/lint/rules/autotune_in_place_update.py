"""TW308."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import libcst as cst

from tilewright.lint.model import FileModel, Kernel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.lint.tree import argument, dotted, target_names, walk
from tilewright.records.finding import Severity

_TWO = "triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 128})"
_ADD = "tl.atomic_add(x_ptr + tl.program_id(0), 1.0)"
_IN_PLACE = "p = x_ptr + tl.program_id(0)\n    tl.store(p, tl.load(p) + 1)"


class AutotuneInPlaceUpdate(Rule):
    """The autotuner runs the kernel once for each config and repetition, so a kernel that adds to its output, or
    reads what it overwrites, leaves a wrong result on the first call unless ``reset_to_zero`` or ``restore_value``
    names the argument.
    """

    code = "TW308"
    name = "autotune-in-place-update"
    severity = Severity.ERROR
    examples = (
        Good("plain-store", autotuned(_TWO, body="tl.store(x_ptr + tl.program_id(0), 1.0)")),
        Good("reset", autotuned(_TWO, body=_ADD, more='\n    reset_to_zero=["x_ptr"],')),
        Good("restore", autotuned(_TWO, body=_IN_PLACE, more='\n    restore_value=["x_ptr"],')),
        Good("pre-hook", autotuned(_TWO, body=_ADD, more="\n    pre_hook=clear,")),
        Good("one-config-is-not-timed", autotuned("triton.Config({'BLOCK': 64})", body=_ADD)),
        Bad("atomic", autotuned(_TWO, body=_ADD), "`x_ptr` is updated in place", line=7),
        Bad("load-and-store", autotuned(_TWO, body=_IN_PLACE), "`x_ptr` is updated in place"),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Find pointers that a tuned kernel updates and that nothing resets."""
        for kernel in file.kernels.values():
            tuner = kernel.autotune
            if tuner is None or (tuner.configs is not None and len(tuner.configs) < 2):
                continue
            hooks = {"reset_to_zero", "restore_value", "pre_hook"} & set(tuner.arguments)
            if hooks or any("pre_hook" in config.options for config in tuner.configs or ()):
                continue
            for name in _updated(file, kernel):
                yield Report(
                    tuner.node,
                    f"`{name}` is updated in place while configs are tried; "
                    "name it in `reset_to_zero` or `restore_value`",
                )


def _updated(file: FileModel, kernel: Kernel) -> list[str]:
    """Return pointer parameters under an atomic update, or both loaded and stored through the same expression."""
    atomics: set[str] = set()
    places: dict[str, set[tuple[str, str]]] = {"load": set(), "store": set()}
    sources = _sources(kernel)
    for node in walk(kernel.node.body):
        name = file.tl_name(node) if isinstance(node, cst.Call) else ""
        pointer = argument(node, 0, "pointer") if isinstance(node, cst.Call) and name else None
        if pointer is None:
            continue
        bases = _bases(kernel, pointer, sources)
        if name.startswith("atomic_") and name != "atomic_load":
            atomics |= bases
        elif name in places:
            places[name] |= {(base, file.tree.code(pointer)) for base in bases}
    return sorted(atomics | {base for base, _ in places["load"] & places["store"]})


def _sources(kernel: Kernel) -> Mapping[str, set[str]]:
    """The names that each assigned name is computed from."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for node in walk(kernel.node.body):
        if isinstance(node, cst.Assign):
            for name in {name for item in node.targets for name in target_names(item.target)}:
                found[name] |= _names(node.value)
    return found


def _names(node: cst.CSTNode) -> set[str]:
    return {item.value for item in walk(node) if isinstance(item, cst.Name)}


def _bases(kernel: Kernel, pointer: cst.BaseExpression, sources: Mapping[str, set[str]]) -> set[str]:
    """Return the run-time parameters that a pointer expression starts from, one assignment followed at a time."""
    names = _names(pointer)
    seen: set[str] = set()
    while names - seen:
        name = (names - seen).pop()
        seen.add(name)
        names |= sources.get(name, set())
    loaded = {item.name for item in kernel.parameters if not item.constexpr}
    return {name for name in seen & loaded if "ptr" in name.lower() or dotted(pointer) == name}
