"""Input that cannot be used: exit code 2, one line on stderr that says what, where and what would be right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, 2 * tl.load(x_ptr + offs, mask=offs < n, other=0.0), mask=offs < n)


class ModelNew(nn.Module):
    def forward(self, x, y):
        assert x.shape == y.shape, "x and y differ in shape"
        out = torch.empty_like(x)
        double_kernel[(triton.cdiv(x.numel(), 256),)](x, out, x.numel(), BLOCK=256)
        return out
"""
NO_KERNEL = GOOD.replace("@triton.jit\n", "")
MISFIT = """import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return 2 * x


def get_inputs():
    return [torch.rand(8, 4), torch.rand(4, 8)]


def get_init_inputs():
    return []
"""


def check(ended, *, code: int = 2) -> str:
    """The one line, without the program's name."""
    assert ended.code == code, ended
    assert ended.out == ""
    assert ended.err.endswith("\n")
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    assert "Traceback" not in lines[0]
    assert lines[0].startswith("tilewright: ")
    return lines[0].removeprefix("tilewright: ")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


FILES = [
    pytest.param("", r":1: the file is empty; name a kernel file or a prompt document", id="empty"),
    pytest.param("\n \n\t\n", r":1: the file is empty; ", id="blank"),
    pytest.param(GOOD.replace("* BLOCK +", "* BLOCK +* 2"), r":9: not valid Python: .*; correct", id="syntax error"),
    pytest.param(GOOD + "    def broken(self:\n", r":\d+: not valid Python: .*; correct", id="syntax error at the end"),
    pytest.param(GOOD.replace("ModelNew", "Model"), r":\d+: no class ModelNew; .*class ModelNew", id="no ModelNew"),
    pytest.param(NO_KERNEL, r":1: no @triton.jit kernel; put @triton.jit above", id="no kernel"),
    pytest.param(b"\x89PNG\r\n\x1a\n\xff\xfe\x00\x01", r":\d+: not text.*; ", id="binary"),
    pytest.param(
        GOOD.replace("import torch\n", "import torch\nimport not_there\n", 1), r":2: .*not_there", id="import"
    ),
    pytest.param(GOOD.replace("def forward", "def call"), r"forward", id="no forward"),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_file_that_cannot_be_used(tilewright, file, text: str | bytes, expected: str) -> None:
    path = file("kernel.py", text)
    line = check(tilewright("optimize", path, "--inputs", "x=f32[16] y=f32[16]"))
    assert line.startswith(str(path))
    assert re.search(expected, line), line


@pytest.mark.parametrize("command", ["optimize", "inspect", "lint"])
@pytest.mark.parametrize(
    ("name", "expected"), [("nowhere.py", "cannot be read: no such file"), ("", "cannot be read: is a directory")]
)
def test_no_file(tilewright, tmp_path: Path, command: str, name: str, expected: str) -> None:
    line = check(tilewright(command, tmp_path / name))
    assert line.startswith(str(tmp_path / name))
    assert expected in line


OPTIONS = [
    pytest.param(["--gpu", "rtx4900"], r"--gpu 'rtx4900': .*rtx4090.*tilewright gpus", id="gpu"),
    pytest.param(["--gpu", "abacus"], r"--gpu 'abacus': no such GPU.*tilewright gpus", id="gpu like no other"),
    pytest.param(["--stage", "fastest"], r"--stage 'fastest': .*grid_and_parallel.* or all", id="stage"),
    pytest.param(["--precision", "exact"], r"precision.*'exact'.*'same', 'no-worse', 'tolerance'", id="precision"),
    pytest.param(["--device", "tpu"], r"device.*'tpu'", id="device"),
    pytest.param(["--device", "cuda"], r"--device cuda: .*; use --device none", id="device cuda"),
    pytest.param(["--inputs", "x=f32[16,"], r"--inputs: word 1 .*; write for instance", id="spec"),
    pytest.param(["--inputs", "x=f33[16] y=f32[16]"], r"--inputs: word 1 .*'f33'", id="spec dtype"),
    pytest.param(["--inputs", ""], r"--inputs: no input is named; ", id="spec empty"),
    pytest.param(["--inputs", "x=f32[16] y=f32[8]"], r"kernel\.py:\d+: .*x and y differ in shape", id="spec misfit"),
    pytest.param(["--inputs", "x=f32[16]"], r"kernel\.py.* y\b", id="spec too short"),
    pytest.param(["--reference", "nowhere.py"], r"nowhere\.py: cannot be read: .*; give", id="reference not there"),
    pytest.param(["--metrics", "nowhere.json"], r"nowhere\.json: .*; give JSON", id="metrics not there"),
    pytest.param(["--colour", "red"], r"--colour", id="unknown option"),
    pytest.param(["-o", "nowhere/out.py"], r"nowhere.*; make it first", id="out folder not there"),
    pytest.param(["--json", "nowhere/out.json"], r"nowhere.*; make it first", id="json folder not there"),
    pytest.param(["-o", "."], r"\.: cannot be written; ", id="out is a folder"),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_option_that_cannot_be_used(tilewright, file, options: list[str], expected: str) -> None:
    line = check(tilewright("optimize", file("kernel.py", GOOD), *options))
    assert re.search(expected, line), line


METRICS = [
    pytest.param("sm__throughput: 12", r"metrics\.json:1: .*JSON.*; ", id="not JSON"),
    pytest.param('{\n  "double_kernel": {"sm__throughput": 12,\n}', r"metrics\.json:3: .*; ", id="broken JSON"),
    pytest.param('{"gemm": {"launch__grid_size": 4}}', r"gemm.*double_kernel", id="other kernel"),
    pytest.param('{"double_kernel": {"launch__grid_size": "many"}}', r"launch__grid_size.*; ", id="no number"),
    pytest.param("", r"metrics\.json:1: the metrics file is empty; ", id="empty"),
    pytest.param("{}", r"metrics\.json: .*; write", id="nothing in it"),
]


@pytest.mark.parametrize(("text", "expected"), METRICS)
def test_metrics_that_cannot_be_used(tilewright, file, text: str, expected: str) -> None:
    metrics = file("metrics.json", text)
    line = check(tilewright("optimize", file("kernel.py", GOOD), "--metrics", metrics))
    assert re.search(expected, line), line


def test_metrics_in_a_document_are_named_by_its_line(tilewright, file, prompt: Path) -> None:
    text = prompt.read_text()
    path = file("prompt.txt", text.replace('"matmul_kernel": {', '"gemm_kernel": {'))
    line = check(tilewright("optimize", path))
    assert line.startswith(f"{path}:")
    assert "gemm_kernel" in line
    assert "matmul_kernel" in line


def test_syntax_error_in_a_document_is_named_by_its_line(tilewright, file, prompt: Path) -> None:
    lines = prompt.read_text().splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "pid_m = tl.program_id(0)" in line)
    lines[at - 1] += " +* 2"
    path = file("prompt.txt", "\n".join(lines))
    assert check(tilewright("optimize", path)).startswith(f"{path}:{at}: ")


def test_reference_whose_shapes_do_not_fit(tilewright, file) -> None:
    reference = file("reference.py", MISFIT)
    line = check(tilewright("optimize", file("kernel.py", GOOD), "--reference", reference))
    assert line.startswith(str(reference))
    assert "x and y differ in shape" in line


def test_reference_without_inputs(tilewright, file) -> None:
    reference = file("reference.py", MISFIT.replace("get_inputs", "inputs"))
    line = check(tilewright("optimize", file("kernel.py", GOOD), "--reference", reference))
    assert line.startswith(str(reference))
    assert "get_inputs" in line


def test_folder_that_may_not_be_written(tilewright, file, tmp_path: Path, monkeypatch) -> None:
    # The superuser may write everywhere, so the answer of the system is given here.
    monkeypatch.setattr(os, "access", lambda *_: False)
    line = check(tilewright("optimize", file("kernel.py", GOOD), "-o", tmp_path / "out.py"))
    assert re.search(r"out\.py: cannot be written; ", line), line


def test_unwritten_output_leaves_no_file(tilewright, file, tmp_path: Path) -> None:
    out = tmp_path / "out.py"
    check(tilewright("optimize", file("kernel.py", ""), "-o", out))
    assert not out.exists()


@pytest.mark.parametrize("arguments", [["optimise", "x.py"], ["optimize"], ["lint"], ["gpus", "abacus"]])
def test_wrong_call(tilewright, arguments: list[str]) -> None:
    check(tilewright(*arguments))


def test_as_a_process(file) -> None:
    """The same through the installed entry point: what a shell script would see."""
    path = file("kernel.py", NO_KERNEL)
    done = subprocess.run([sys.executable, "-m", "tilewright", "optimize", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tilewright: {path}:1: no @triton.jit kernel; put @triton.jit above the kernel function\n"


def test_reader_that_leaves_early_is_no_error(file) -> None:
    """``tilewright gpus | head -1`` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "tilewright", "gpus"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
