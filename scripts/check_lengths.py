"""Fail on a file over 500 lines (warn over 300) or a function over 60 in ``src``."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FILE_LINES_SOFT, FILE_LINES_HARD, FUNCTION_LINES = 300, 500, 60


def faults(path: Path) -> tuple[list[str], list[str]]:
    """Return (warnings, errors) for one file."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    warnings, errors = [], []
    if lines > FILE_LINES_HARD:
        errors.append(f"{path}: {lines} lines, more than {FILE_LINES_HARD}: split it by concept")
    elif lines > FILE_LINES_SOFT:
        warnings.append(f"{path}: {lines} lines, more than {FILE_LINES_SOFT}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                errors.append(f"{path}:{node.lineno}: {node.name} has {length} lines, more than {FUNCTION_LINES}")
    return warnings, errors


def main() -> int:
    """Check every file; the exit code says whether one is too long."""
    root = Path(__file__).resolve().parent.parent
    failed = False
    for path in sorted((root / "src").rglob("*.py")):
        warnings, errors = faults(path.relative_to(root)) if Path.cwd() == root else faults(path)
        for line in warnings:
            print(f"note: {line}")
        for line in errors:
            print(line)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
