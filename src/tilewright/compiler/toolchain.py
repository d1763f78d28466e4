"""Which compiler would run, found without importing it."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tilewright.errors import TilewrightError

_CHOSEN_BY_USER = ("TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH")
"""Variables by which Triton takes another assembler than its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """The installed Triton and the assemblers bundled with it."""

    triton_version: str
    ptxas_versions: tuple[str, ...]
    """Sorted; newer architectures have an assembler of their own."""


@functools.cache
def installed() -> Toolchain:
    """Return the toolchain of this Python installation.

    Raises:
        TilewrightError: Triton is not installed here.
    """
    spec = importlib.util.find_spec("triton")
    if spec is None or not spec.submodule_search_locations:
        raise TilewrightError("Triton is not installed in this Python; pip install 'triton>=3.6,<3.10'")
    package = Path(next(iter(spec.submodule_search_locations)))
    # Importing Triton costs a second and its version stands in a plain assignment.
    match = re.search(r"^__version__\s*=\s*['\"]([^'\"]+)", (package / "__init__.py").read_text("utf-8"), re.MULTILINE)
    assemblers = set((package / "backends" / "nvidia" / "bin").glob("ptxas*"))
    assemblers.update(Path(os.environ[name]) for name in _CHOSEN_BY_USER if os.environ.get(name))
    return Toolchain(
        triton_version=match[1] if match else "unknown",
        ptxas_versions=tuple(sorted({_version(path) for path in assemblers if path.is_file()})),
    )


def _version(path: Path) -> str:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "unknown"
    match = re.search(r"\bV(\d+(?:\.\d+)+)", done.stdout)
    return match[1] if match else "unknown"
