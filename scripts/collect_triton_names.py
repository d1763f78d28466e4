"""Write the public names of ``triton.language`` and the parameters of its functions, as the lint rules know them.

Run it once with each supported version of Triton; each run updates the part of the file that is its version's::

    python scripts/collect_triton_names.py
"""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "tilewright" / "lint" / "triton_language.toml"


def collect() -> tuple[str, dict[str, list[str]]]:
    """Return the version (``3.9``) and, for each public name, the parameters a caller may pass.

    A name that is no function, or that takes anything, has the single parameter ``*``.
    """
    import triton
    import triton.language as tl

    found: dict[str, list[str]] = {}
    for prefix, module in (("", tl), ("math.", tl.math)):
        for name in dir(module):
            if not name.startswith("_"):
                found[prefix + name] = parameters(getattr(module, name))
    return ".".join(triton.__version__.split(".")[:2]), found


def parameters(value: object) -> list[str]:
    """Return the names of a function's parameters that a caller may pass by keyword."""
    function = getattr(value, "fn", value)
    if not inspect.isfunction(function):
        return ["*"]
    found = inspect.signature(function).parameters.values()
    if any(item.kind in (item.VAR_KEYWORD, item.VAR_POSITIONAL) for item in found):
        return ["*"]
    return [item.name for item in found if not item.name.startswith("_")]


def main() -> None:
    """Merge this version into the file."""
    version, names = collect()
    known = tomllib.loads(TARGET.read_text()) if TARGET.exists() else {}
    known[version] = names
    lines = ["# Public names of triton.language with their parameters; written by scripts/collect_triton_names.py.\n"]
    for number in sorted(known):
        lines.append(f'\n["{number}"]\n')
        lines.extend(
            f'"{name}" = [{", ".join(f"{item!r}".replace(chr(39), chr(34)) for item in items)}]\n'
            for name, items in sorted(known[number].items())
        )
    TARGET.write_text("".join(lines))


if __name__ == "__main__":
    main()
