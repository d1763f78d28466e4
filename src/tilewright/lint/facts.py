"""Questions about a file model that several rules ask."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import Config, FileModel, Kernel, LaunchSite
from tilewright.lint.tree import argument, dotted, literal, walk


def program_axes(file: FileModel, kernel: Kernel) -> dict[int, cst.Call] | None:
    """Return the grid axes that a kernel reads with the first place of each; ``None`` where one is no literal.

    Helpers that the kernel calls count, and so does ``tl.num_programs``.
    """
    found: dict[int, cst.Call] = {}
    for item in file.reached_kernels(kernel):
        for node in walk(item.node.body):
            if isinstance(node, cst.Call) and file.tl_name(node) in ("program_id", "num_programs"):
                axis = literal(argument(node, 0, "axis"))
                if not isinstance(axis, int):
                    return None
                found.setdefault(axis, node)
    return found


def is_block(name: str) -> bool:
    """Tell whether a parameter is a block size by its name: ``BLOCK_M``, ``BLOCK_SIZE_K``, ``BM``."""
    return name.upper().startswith("BLOCK") or name in ("BM", "BN", "BK", "TILE_M", "TILE_N", "TILE_K")


def varying(file: FileModel, configs: tuple[Config, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keyword values and the options (warps, stages) that differ between configs."""

    def differing(tables: list[dict[str, str]]) -> frozenset[str]:
        names = {name for table in tables for name in table}
        return frozenset(name for name in names if len({table.get(name, "") for table in tables}) > 1)

    values = [{name: file.tree.code(node) for name, node in item.values.items()} for item in configs]
    defaults = {"num_warps": "4", "num_stages": "3"}
    options = [
        defaults | {name: file.tree.code(node) for name, node in item.options.items() if name in defaults}
        for item in configs
    ]
    return differing(values), differing(options)


def tuned_launches(file: FileModel) -> Iterator[tuple[LaunchSite, tuple[Config, ...]]]:
    """Yield each launch of an autotuned kernel whose configs are written out, with the configs."""
    for site in file.launches:
        tuner = site.kernel.autotune
        if tuner is not None and tuner.configs:
            yield site, tuner.configs


def functions_reached(file: FileModel) -> tuple[cst.FunctionDef, ...]:
    """Return the host functions that ModelNew can get to by any name it mentions, its own methods first."""
    if file.model_new is None:
        return ()
    found = list(file.methods(file.model_new).values())
    for function in found:
        for node in walk(function):
            name = node.value if isinstance(node, cst.Name) else ""
            candidates = [file.functions[name]] if name in file.functions else []
            if name in file.classes and name != "ModelNew":
                candidates.extend(file.methods(file.classes[name]).values())
            found.extend(item for item in candidates if item not in found)
    return tuple(found)


def launching(file: FileModel) -> tuple[cst.FunctionDef, ...]:
    """Return the host functions that launch a kernel, by themselves or through others they call by name."""
    direct = {site.function for site in file.launches}
    found = [item for item in file.host_functions if item in direct]
    names = {item.name.value for item in found}
    grown = True
    while grown:
        grown = False
        for item in file.host_functions:
            if item not in found and any(
                isinstance(node, cst.Call) and dotted(node.func).removeprefix("self.") in names
                for node in walk(item.body)
            ):
                found.append(item)
                names.add(item.name.value)
                grown = True
    return tuple(found)


def calls_in(node: cst.CSTNode, name: str) -> tuple[cst.Call, ...]:
    """Return the calls below ``node`` of a function or method with this last name."""
    return tuple(
        item for item in walk(node) if isinstance(item, cst.Call) and dotted(item.func).rpartition(".")[2] == name
    )


def under_constexpr(file: FileModel, kernel: Kernel, node: cst.CSTNode) -> bool:
    """Tell whether ``node`` stands under a branch on constexprs, which Triton may leave out when it compiles."""
    branches = (item for item in file.tree.ancestors(node) if isinstance(item, cst.If))
    return any(
        isinstance(name, cst.Name) and name.value in kernel.constexprs for item in branches for name in walk(item.test)
    )
