"""What each command writes, where, and with which exit code. The cheap ones; test_optimize.py runs a whole job."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

CLEAN = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(y_ptr + offs, 2 * tl.load(x_ptr + offs, mask=mask, other=0.0), mask=mask)


def double(x):
    out = torch.empty_like(x)
    double_kernel[(triton.cdiv(x.numel(), 256),)](x, out, x.numel(), BLOCK=256)
    return out


class ModelNew(nn.Module):
    def forward(self, x):
        return double(x)
"""
DIRTY = CLEAN + "\n\nif __name__ == '__main__':\n    print(ModelNew())\n"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.py"
    path.write_text(CLEAN)
    return path


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    path = tmp_path / "dirty.py"
    path.write_text(DIRTY)
    return path


def test_version(tilewright) -> None:
    ended = tilewright("--version")
    assert ended.code == 0
    assert ended.out.startswith("tilewright 0.")


def test_help_names_every_command(tilewright) -> None:
    ended = tilewright("--help")
    assert ended.code == 0
    for command in ("optimize", "lint", "inspect", "gpus", "runs", "resume"):
        assert command in ended.out


def test_lint_of_a_clean_file(tilewright, clean: Path) -> None:
    assert tilewright("lint", clean).code == 0


def test_lint_text_names_place_and_code(tilewright, clean: Path, dirty: Path) -> None:
    ended = tilewright("lint", clean, dirty)
    assert ended.code == 1
    line = next(line for line in ended.out.splitlines() if line.startswith(str(dirty)))
    assert line.startswith(f"{dirty}:{CLEAN.count(chr(10)) + 3}:")
    assert " TW" in line
    assert str(clean) not in ended.out


def test_lint_json(tilewright, dirty: Path) -> None:
    ended = tilewright("lint", dirty, "--format", "json")
    assert ended.code == 1
    found = json.loads(ended.out)
    findings = found["findings"] if isinstance(found, dict) else found
    assert findings
    assert {"path", "line", "code", "message"} <= findings[0].keys()


def test_lint_json_of_a_clean_file_is_json(tilewright, clean: Path) -> None:
    ended = tilewright("lint", clean, "--format", "json")
    assert ended.code == 0
    assert not json.loads(ended.out) or json.loads(ended.out)["findings"] == []


def test_lint_github(tilewright, dirty: Path) -> None:
    ended = tilewright("lint", dirty, "--format", "github")
    assert ended.code == 1
    assert ended.out.startswith(("::error ", "::warning "))
    assert f"file={dirty}" in ended.out.splitlines()[0]


def test_lint_reads_every_file_before_it_gives_up(tilewright, clean: Path, tmp_path: Path) -> None:
    assert tilewright("lint", clean, tmp_path / "nowhere.py").code == 2


def test_lint_of_a_prompt_counts_its_lines(tilewright, prompt: Path) -> None:
    ended = tilewright("lint", prompt)
    assert ended.code == 1
    lines = prompt.read_text().splitlines()
    first, last = lines.index("```python") + 1, len(lines)
    places = [int(line.split(":")[1]) for line in ended.out.splitlines() if line.startswith(str(prompt))]
    assert places
    assert all(first < place < last for place in places)


def test_lint_fix_writes_the_file(tilewright, tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(DIRTY)
    before = tilewright("lint", path, "--format", "json").out
    tilewright("lint", path, "--fix")
    after = path.read_text()
    ast.parse(after)
    if '"fixable": true' in before:
        assert after != DIRTY


def test_gpus_lists_the_catalog(tilewright) -> None:
    ended = tilewright("gpus")
    assert ended.code == 0
    assert "rtx4090" in ended.out
    assert "h100" in ended.out


def test_gpu_shows_numbers_with_their_sources(tilewright) -> None:
    ended = tilewright("gpus", "NVIDIA GeForce RTX 4090")
    assert ended.code == 0
    assert "1008" in ended.out.replace(",", "")
    assert "128" in ended.out
    assert "nvidia" in ended.out.lower()


def test_inspect_shows_what_the_profiler_measured(tilewright, prompt: Path) -> None:
    """The seed's kernel on the 4090: 65,536 bytes of shared memory, one program an SM, 4 of 48 warps."""
    ended = tilewright("inspect", prompt, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    [kernel] = found["kernels"]
    shown = _flat(kernel)
    assert shown["shared_bytes"] == 65536
    assert shown["programs_per_sm"] == 1
    assert shown["occupancy_fraction"] == pytest.approx(4 / 48)
    assert shown["grid"] == [32, 64, 1]


def test_inspect_draws_a_table(tilewright, clean: Path) -> None:
    ended = tilewright("inspect", clean, "--gpu", "a100-80", "--inputs", "x=f32[1048576]")
    assert ended.code == 0, ended.err
    assert "double_kernel" in ended.out
    assert "A100" in ended.out
    assert "4096" in ended.out.replace(",", "")


def _flat(value: object, found: dict[str, object] | None = None) -> dict[str, object]:
    """Every key of nested JSON objects, with its value."""
    found = {} if found is None else found
    if isinstance(value, dict):
        for key, inner in value.items():
            found.setdefault(key, inner)
            _flat(inner, found)
    return found
