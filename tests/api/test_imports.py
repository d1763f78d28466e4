"""What each process has to import: the parent stays light, and workers need nothing but torch, triton and numpy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tilewright

PACKAGE = Path(tilewright.__file__).parent
PARENT_MODULES = (
    "tilewright",
    "tilewright.cli.main",
    "tilewright.api",
    "tilewright.search",
    "tilewright.prove",
    "tilewright.timing",
)
_WORKER_JOBS = (
    *("capture.job", "compiler.job", "prove.job", "prove.reference_job", "workers.serve"),
    *("timing.cuda_job", "timing.host_job", "timing.jobs", "profiling.replay"),
)
WORKER_MODULES = tuple(f"tilewright.{name}" for name in _WORKER_JOBS)
WORKER_PACKAGES = {
    "tilewright.compiler.job": {"elftools"},
}
"""What a worker may import besides torch, triton, numpy and the standard library."""


def _modules_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", PARENT_MODULES)
def test_parent_does_not_import_heavy_packages(module: str) -> None:
    loaded = _modules_after(f"import {module}")
    assert module in loaded
    assert not loaded & {"torch", "triton", "sympy", "numpy.testing", "matplotlib"}


def test_star_import_of_the_package_stays_light() -> None:
    assert not _modules_after("from tilewright import *") & {"torch", "triton", "sympy"}


@pytest.mark.parametrize("module", WORKER_MODULES)
def test_worker_imports_only_what_a_kernel_needs(module: str) -> None:
    """Read from the source, through every import of Tilewright's own, wherever in a function it stands."""
    allowed = {"torch", "triton", "numpy", "tilewright"} | set(sys.stdlib_module_names)
    allowed |= WORKER_PACKAGES.get(module, set())
    imported = _reached(module)
    foreign = {name: sorted(by) for name, by in imported.items() if name.split(".")[0] not in allowed}
    assert not foreign
    assert any(name.startswith("tilewright") for name in imported) or module.endswith("serve")


def _reached(module: str) -> dict[str, set[str]]:
    """Every module imported by ``module`` or by what it imports of Tilewright, with the importers."""
    found: dict[str, set[str]] = {}
    waiting, seen = [module], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for name in _imports(current):
            found.setdefault(name, set()).add(current)
            if name.split(".")[0] == "tilewright":
                waiting.append(name)
    return found


def _imports(module: str) -> set[str]:
    path = _path(module)
    names: set[str] = set()
    if path is None:
        return names
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{source}.{a.name}" if _path(f"{source}.{a.name}") else source for a in node.names}
    return names


def _executed(node: ast.AST) -> list[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING``."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        found += [child, *_executed(child)]
    return found


def _path(module: str) -> Path | None:
    if module.split(".")[0] != "tilewright":
        return None
    base = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
