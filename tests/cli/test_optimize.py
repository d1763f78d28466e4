"""``tilewright optimize`` from the command line: streams, files, and what wins over what."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = "x=f32[16384,4096]"


def test_stdout_holds_the_code_alone(tilewright, elementwise: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out.py", tmp_path / "run.json"
    to_stdout = tilewright("optimize", elementwise, "--inputs", SPEC)
    to_file = tilewright("optimize", elementwise, "--inputs", SPEC, "-o", out, "--json", told)
    assert (to_stdout.code, to_file.code) == (0, 0), to_stdout.err + to_file.err
    assert to_stdout.out == out.read_text()
    assert to_file.out == ""
    ast.parse(to_stdout.out)
    assert "swish_kernel" in to_stdout.err
    assert json.loads(told.read_text())
    assert out.read_text() == elementwise.read_text()


def test_as_a_process(elementwise: Path, tmp_path: Path) -> None:
    """With workers that it starts itself; ``tests/benchmarks/test_corpus.py`` runs one that ends in another file."""
    out, told = tmp_path / "out.py", tmp_path / "run.json"
    command = [sys.executable, "-m", "tilewright", "optimize", str(elementwise), "--inputs", SPEC]
    done = subprocess.run([*command, "-o", str(out), "--json", str(told)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "swish_kernel" in done.stderr
    assert out.read_text() == elementwise.read_text()
    found = json.loads(told.read_text())
    assert found["target"]["name"] == "rtx4090" if isinstance(found.get("target"), dict) else found


def test_gpu_wins_over_the_document(tilewright, prompt: Path) -> None:
    """The prompt's numbers describe its own GPU, and are left aside for another one."""
    ended = tilewright("inspect", prompt, "--gpu", "h100-sxm", "--json")
    assert ended.code == 0, ended.err
    assert "h100" in ended.out.lower()
    assert "--gpu h100-sxm wins over the document's 4090" in ended.out


@pytest.mark.parametrize("stage", ["block_tiling", "memory_access"])
def test_every_stage_ends_in_a_file(tilewright, elementwise: Path, stage: str) -> None:
    ended = tilewright("optimize", elementwise, "--inputs", SPEC, "--stage", stage)
    assert ended.code == 0, ended.err
    ast.parse(ended.out)
