"""``tilewright verify`` as scripts see it: the exit code, one line on stdout, and files to go on with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from scaling import KERNEL, REFERENCE

from tilewright.cli import consent as asking
from tilewright.prove import host

QUICK = ("--device", "none", "--allow-unsandboxed")
File = Callable[[str, str], Path]


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


def bad_line(ended) -> str:
    """The one line that says why the input cannot be used."""
    assert ended.code == 2, ended
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("tilewright: ")
    assert "Traceback" not in lines[0]
    return lines[0]


def test_proved_then_repeated_from_its_certificate(tilewright, file: File, reference: Path, tmp_path: Path) -> None:
    candidate = file("kernel.py", KERNEL)
    found, certificate = tmp_path / "found.json", tmp_path / "c.json"
    wanted = ("verify", candidate, "--reference", reference, *QUICK)
    ended = tilewright(*wanted, "--json", found, "--certificate-out", certificate)
    assert (ended.code, ended.out) == (0, "proved\n"), ended.err
    assert ended.err.startswith("PROVED  ")

    form = json.loads(found.read_text())
    assert form["inputs"] == [{"name": "x", "dtype": "f32", "shape": [24, 20], "strides": None}]
    assert form["init_arguments"] == [20]
    assert form["evidence"] is None
    assert {"python", "torch", "triton", "numpy", "tilewright"} == form["versions"].keys()

    # on the other machine there is nothing but the certificate
    candidate.unlink()
    reference.unlink()
    again = tilewright("verify", "--certificate", certificate, *QUICK, "--json", found)
    assert (again.code, again.out) == (0, "proved\n"), again.err
    repeated = json.loads(found.read_text())
    assert repeated["seeds"] == form["seeds"]
    assert [check["error"] for check in repeated["verdict"]["checks"]] == [
        check["error"] for check in form["verdict"]["checks"]
    ]


def test_refuted_with_the_smallest_evidence(tilewright, file: File, reference: Path, tmp_path: Path) -> None:
    wrong = file("wrong.py", KERNEL.replace("x * w,", "x * w * 1.001,"))
    found = tmp_path / "found.json"
    ended = tilewright("verify", wrong, "--reference", reference, *QUICK, "--json", found)
    assert ended.code == 1
    assert re.fullmatch(r"refuted: output: .* allowed .*output\[\d+, \d+\] is .*, exactly .*\n", ended.out)
    form = json.loads(found.read_text())
    assert form["refused_by"] == "output: relative Frobenius error"
    assert form["evidence"]["error"] > form["evidence"]["bound"]
    # a seed that nobody chose has 63 bits, of which it would be strange to find the upper half empty
    assert form["seeds"][0] >= 1 << 31


def test_refuted_against_a_reference_and_an_original(tilewright, file: File, reference: Path) -> None:
    original = file("original.py", KERNEL)
    raises = file("raises.py", KERNEL.replace("x = x.contiguous()", "raise ValueError('boo')"))
    ended = tilewright("verify", raises, "--reference", reference, "--original", original, *QUICK)
    assert ended.code == 1
    assert ended.out.startswith("refuted: raises at line 23: ValueError: boo")
    assert "reference.py and" in " ".join(ended.err.split())


def test_refuted_by_its_source_alone(tilewright, file: File, reference: Path) -> None:
    kept = KERNEL.replace("        x = x.contiguous()\n", "        import sys\n        sys._getframe()\n")
    ended = tilewright("verify", file("kernel.py", kept), "--reference", reference, *QUICK)
    assert (ended.code, ended.out.split(":")[:2]) == (1, ["refuted", " lint"]), ended
    assert re.match(r"refuted: lint: TW\d+ at line 23: ", ended.out)
    assert "nothing was run" in " ".join(ended.err.split())


def test_undecided_when_the_candidate_does_not_end(cold, file: File, reference: Path) -> None:
    hangs = file("hangs.py", KERNEL.replace("x = x.contiguous()", "while True:\n            pass"))
    ended = cold("verify", hangs, "--reference", reference, *QUICK, "--timeout", 2)
    assert (ended.code, ended.err.split()[0]) == (3, "UNDECIDED"), ended
    assert ended.out.startswith("undecided: the candidate did not end within 2 s")


def test_against_an_original_alone(tilewright, file: File) -> None:
    text = KERNEL.replace("(self, width)", "(self, width=20)")
    given = text + "\n\ndef get_inputs():\n    return [torch.rand(24, 20)]\n"
    ended = tilewright("verify", file("kernel.py", text), "--original", file("original.py", given), *QUICK)
    assert (ended.code, ended.out) == (0, "proved\n"), ended


def test_original_whose_inputs_no_value_can_be_made_for(tilewright, file: File) -> None:
    text = KERNEL.replace("(self, width)", "(self, width=20)").replace("forward(self, x)", "forward(self, x, mode)")
    given = text + "\n\ndef get_inputs():\n    return [torch.rand(24, 20), 'fast']\n"
    line = bad_line(tilewright("verify", file("kernel.py", text), "--original", file("original.py", given), *QUICK))
    assert re.search(r"original\.py: forward takes .*fast.*; give tensors and plain numbers", line), line


def test_reference_that_raises_on_its_own_inputs(tilewright, file: File) -> None:
    path = file("reference.py", REFERENCE.replace("return x *", "raise ValueError('boo')\n        x *"))
    line = bad_line(tilewright("verify", file("kernel.py", KERNEL), "--reference", path, *QUICK))
    assert re.search(r"reference\.py:10: Model\.forward raises ValueError: boo; ", line), line


CANDIDATES = [
    pytest.param("", "the file is empty; ", id="empty"),
    pytest.param(KERNEL.replace("x * w,", "x * * w,"), r":14: not valid Python", id="syntax"),
    pytest.param(KERNEL.replace("ModelNew", "Model"), "no class ModelNew; ", id="no ModelNew"),
    pytest.param(KERNEL.replace("@triton.jit", ""), "no @triton.jit kernel; ", id="no kernel"),
]


@pytest.mark.parametrize(("text", "expected"), CANDIDATES)
@pytest.mark.parametrize("role", ["candidate", "original"])
def test_kernel_file_that_cannot_be_used(
    tilewright, file: File, reference: Path, text: str, expected: str, role: str
) -> None:
    bad, good = file("bad.py", text), file("kernel.py", KERNEL)
    given = (bad,) if role == "candidate" else (good, "--original", bad)
    line = bad_line(tilewright("verify", *given, "--reference", reference, *QUICK))
    assert re.search(rf"bad\.py.*{expected}", line), line


CALLS = [
    pytest.param(["kernel.py"], "nothing to verify against; give --reference", id="nothing to hold it against"),
    pytest.param(["--reference", "reference.py"], "no candidate; name", id="no candidate"),
    pytest.param(["nowhere.py", "--reference", "reference.py"], r"nowhere\.py: cannot be read", id="not there"),
    pytest.param(["kernel.py", "--reference", "nowhere.py"], r"nowhere\.py: cannot be read", id="reference not there"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--timeout", "0"], "--timeout 0: ", id="no time"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--timeout", "nan"], "--timeout nan: ", id="time"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--seed", "-1"], "--seed -1: out of", id="seed"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--gpu", "abacus"], "--gpu 'abacus': ", id="gpu"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--precision", "loose"], "'loose'", id="precision"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--json", "no/x"], "make it first", id="json"),
    pytest.param(["kernel.py", "--reference", "reference.py", "--certificate-out", "no/x"], "make it", id="out"),
    pytest.param(["--certificate", "nowhere.json"], r"nowhere\.json: cannot be read", id="no certificate"),
    pytest.param(["--certificate", "kernel.py"], r"kernel\.py: not JSON; ", id="certificate is no JSON"),
    pytest.param(["--certificate", "c.json", "--reference", "reference.py"], "leave --reference away", id="both"),
    pytest.param(["--certificate", "c.json", "--precision", "same"], "leave --precision away", id="precision too"),
]


@pytest.mark.parametrize(("arguments", "expected"), CALLS)
def test_wrong_call(
    tilewright, file: File, reference: Path, arguments: list[str], expected: str, tmp_path: Path, monkeypatch
) -> None:
    file("kernel.py", KERNEL)
    monkeypatch.chdir(tmp_path)
    assert re.search(expected, bad_line(tilewright("verify", *arguments, *QUICK)))


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("sm_89", "--architecture sm_89: nothing is compiled without a GPU; use --device cuda, or leave"),
        ("rtx4090", "--architecture 'rtx4090': no architecture; give one as sm_89"),
        ("sm_70", "--architecture sm_70: too old; give sm_75 or a later one"),
    ],
)
def test_an_architecture_that_cannot_be_used(tilewright, file: File, reference: Path, architecture, said) -> None:
    wanted = ("verify", file("kernel.py", KERNEL), "--reference", reference, *QUICK, "--architecture", architecture)
    assert said in bad_line(tilewright(*wanted))


def test_cuda_without_a_device(tilewright, file: File, reference: Path, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    line = bad_line(tilewright("verify", file("kernel.py", KERNEL), "--reference", reference, "--device", "cuda"))
    assert "no CUDA device is visible here; use --device none" in line


@pytest.fixture
def unconfined(monkeypatch) -> None:
    monkeypatch.setattr(host, "confinement", lambda: None)


@pytest.mark.usefixtures("unconfined")
def test_nothing_runs_unconfined_unless_allowed(tilewright, file: File, reference: Path) -> None:
    line = bad_line(tilewright("verify", file("kernel.py", KERNEL), "--reference", reference, "--device", "none"))
    assert re.search(r"unsandboxed: .*; pass --allow-unsandboxed", line)


@pytest.mark.usefixtures("unconfined")
@pytest.mark.parametrize(("answer", "allowed"), [(True, True), (False, False)])
def test_at_a_terminal_one_is_asked(answer: bool, allowed: bool, monkeypatch) -> None:
    monkeypatch.setattr(asking, "at_a_terminal", lambda: True)
    monkeypatch.setattr(asking.typer, "confirm", lambda question, *, err: answer)
    assert asking.consent(False) is allowed
    assert asking.consent(True) is True


@pytest.mark.usefixtures("unconfined")
def test_where_there_is_no_terminal_nobody_is_asked(monkeypatch) -> None:
    monkeypatch.setattr(asking, "at_a_terminal", lambda: False)
    assert asking.consent(False) is False
