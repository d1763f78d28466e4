"""Optimize the kernel of the reference prompt, as a user would, and show what came out.

Run by ``make demo``. Needs no GPU and no network; the same versions give the same file.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from tilewright import source
from tilewright.source import Part
from tilewright.workers.watch import Watch

ROOT = Path(__file__).resolve().parents[1]
PROMPT = Path("examples/seed/prompt.txt")


def main() -> int:
    """Run the command, then show its kernel, what differs, and what it took."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="tilewright-demo-") as folder:
        out = Path(folder, "optimized.py")
        console.print(f"$ tilewright optimize {PROMPT} -o {out.name}", style="bold", highlight=False)
        began = time.monotonic()
        command = [sys.executable, "-m", "tilewright", "optimize", str(PROMPT), "-o", str(out)]
        code, held_gb = _watched(command)
        took_s = time.monotonic() - began
        if code != 0:
            return code
        text = out.read_text(encoding="utf-8")
    _show_kernels(console, text)
    given = source.read_request(str(ROOT / PROMPT)).source.text
    console.print(_difference(given, text), highlight=False)
    held = f"; it and its workers held {held_gb:.2f} GB at most" if held_gb else ""
    console.print(f"The optimize step took {took_s:.0f} s{held}.", highlight=False)
    return 0


def _show_kernels(console: Console, text: str) -> None:
    """The part of the file that was written: its kernels, with their decorators."""
    lines = text.splitlines()
    parts = [section for section in source.sections(text) if section.part is Part.KERNEL]
    code = "\n\n\n".join("\n".join(lines[part.first_line - 1 : part.last_line]) for part in parts)
    console.print()
    if console.is_terminal:
        console.print(Syntax(code, "python", theme="ansi_dark", background_color="default"))
    else:
        print(code)
    console.print()


def _difference(before: str, after: str) -> str:
    """How much of the file changed."""
    changes = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    added = sum(line.startswith("+") for line in changes)
    removed = sum(line.startswith("-") for line in changes)
    return f"Against the input: {added} lines added, {removed} removed, {len(after.splitlines())} in all."


def _watched(command: list[str]) -> tuple[int, float]:
    """Run a command; its exit code, and the most memory in GB that it and its workers held at once (0 off Linux)."""
    process = subprocess.Popen(command, cwd=ROOT)
    watch, peak = Watch(process.pid), 0
    while process.poll() is None:
        peak = max(peak, watch.look().memory_bytes)
        time.sleep(0.1)
    return process.returncode, peak / 1e9


if __name__ == "__main__":
    sys.exit(main())
