"""``tilewright bench`` as scripts see it. Without a GPU here, the interpreter's wall clock stands for its events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from scaling import KERNEL
from scaling import REFERENCE as SCALING

from tilewright.prove import host
from tilewright.timing.channel import PLACES

REFERENCE = SCALING.replace("torch.rand(24, 20)", "torch.rand(2, 20)")
File = Callable[[str, str], Path]
QUICK = ("--allow-unsandboxed", "--seconds", 0.2)


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def reference(file: File) -> Path:
    return file("reference.py", REFERENCE)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is one: what runs on it runs in the interpreter."""
    monkeypatch.setattr(host, "gpu_is_visible", lambda: True)
    monkeypatch.setitem(PLACES, "cuda", PLACES["none"])


def bad_line(ended) -> str:
    assert ended.code == 2, ended
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("tilewright: ")
    return line


@pytest.mark.usefixtures("gpu")
def test_a_comparison_from_files_to_json(tilewright, file: File, reference: Path, tmp_path: Path) -> None:
    again = KERNEL.replace("return out", "return out + 0")
    first, second, found = file("a.py", KERNEL), file("b.py", again), tmp_path / "found.json"
    ended = tilewright("bench", first, second, "--reference", reference, "--json", found, *QUICK)
    assert ended.code == 0, ended
    assert re.fullmatch(r"(faster|slower|same|ambiguous): x\d+\.\d{3} \[\d+\.\d{3}, \d+\.\d{3}\]\n", ended.out)
    form = json.loads(found.read_text())
    assert (form["kind"], form["baseline_path"], form["candidate_path"]) == ("comparison", str(first), str(second))
    assert form["comparison"]["versions"].keys() >= {"tilewright", "torch", "triton", "python"}
    assert form["comparison"]["notes"][0] == "inputs: x f32[2, 20]; values of the reference's get_inputs()"
    assert f"{form['comparison']['decision'].upper()}  " in ended.err
    assert "noise floor" in ended.err


@pytest.mark.usefixtures("gpu")
def test_a_candidate_that_raises_is_named_with_its_line(tilewright, file: File) -> None:
    text = KERNEL.replace("(self, width)", "(self, width=20)")
    raises = text.replace("        x = x.contiguous()", "        raise ValueError('boo')")
    ended = tilewright("bench", file("a.py", text), file("b.py", raises), "--inputs", "x=f32[2,20]", *QUICK)
    assert re.search(r"b\.py:23: cannot be timed: ValueError: boo; run it by itself to see why$", bad_line(ended))


def test_nothing_is_timed_without_a_gpu(tilewright, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("a.py", KERNEL)
    line = bad_line(tilewright("bench", path, path, "--device", "none"))
    assert line == "tilewright: --device none: only a GPU has times to compare; `tilewright inspect` predicts"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    line = bad_line(tilewright("bench", path, path))
    assert line == "tilewright: no CUDA device is visible here, and only a GPU has times to compare; run it on one"


CALLS = [
    pytest.param(["nowhere.py", "a.py"], r"nowhere\.py: cannot be read", id="no baseline"),
    pytest.param(["a.py", "nowhere.py"], r"nowhere\.py: cannot be read", id="no candidate"),
    pytest.param(["a.py", "a.py", "--reference", "nowhere.py"], r"nowhere\.py: cannot be read", id="no reference"),
    pytest.param(["a.py", "a.py", "--seconds", "0"], "--seconds 0: no time", id="no time"),
    pytest.param(["a.py", "a.py", "--seconds", "nan"], "--seconds nan: no time", id="time"),
    pytest.param(["a.py", "a.py", "--seed", "-1"], "--seed -1: out of range", id="seed"),
    pytest.param(["a.py", "a.py", "--json", "no/x"], "make it first", id="json"),
    pytest.param(["a.py", "a.py", "--inputs", "x=f33[2]"], "f33", id="inputs"),
    pytest.param(["a.py"], "Missing argument 'B'", id="one file"),
]


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("arguments", "expected"), CALLS)
def test_wrong_call(
    tilewright, file: File, arguments: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file("a.py", KERNEL)
    monkeypatch.chdir(tmp_path)
    assert re.search(expected, bad_line(tilewright("bench", *arguments, "--allow-unsandboxed")))


@pytest.mark.usefixtures("gpu")
def test_nothing_runs_unconfined_unless_allowed(tilewright, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "confinement", lambda: None)
    path = file("a.py", KERNEL)
    assert re.search(r"unsandboxed: .*; pass --allow-unsandboxed", bad_line(tilewright("bench", path, path)))
