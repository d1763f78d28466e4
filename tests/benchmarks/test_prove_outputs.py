"""Every emitted file gets a verdict of its own, a certificate and a row, and one that is not proved is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import prove_outputs
import pytest
from prove_outputs import Emitted, emitted_examples, failed, table
from scaling import KERNEL, REFERENCE

SCRIPT = Path(prove_outputs.__file__)
MANIFEST = """
[[file]]
name = "right"
file = "kernel.py"
reference = "reference.py"

[[file]]
name = "wrong"
file = "kernel.py"
reference = "reference.py"

[[file]]
name = "absent"
file = "kernel.py"
"""


def row(name: str, verdict: str, **more: object) -> dict[str, object]:
    about = {"reason": "because", "checks": 12, "seconds": 3.25, "architecture": "sm_89", "unchanged": False}
    return {"name": name, "verdict": verdict, **about, **more}


def test_the_table() -> None:
    lost = failed(Emitted(name="lost", file="f", original="o"), "crashed", "a process ended")
    text = table([row("seed", "proved"), row("layernorm", "proved", unchanged=True), row("bmm", "refuted"), lost])
    assert text.splitlines() == [
        "name       verdict             checks  seconds  architecture",
        "seed       proved              12      3.2      sm_89",
        "layernorm  proved (unchanged)  12      3.2      sm_89",
        "bmm        refuted             12      3.2      sm_89",
        "lost       crashed             0       0.0      -",
        "bmm: because",
        "lost: a process ended",
    ]


def test_every_example_is_taken() -> None:
    root = SCRIPT.parents[1]
    found = {one.name: one for one in emitted_examples()}
    assert {Path(one.file).resolve() for one in found.values()} == set(root.glob("examples/*/output.py"))
    for one in found.values():
        assert Path(one.original).exists()
        # without a reference, nothing else says how large the inputs are
        assert (one.reference is None) != (one.inputs is None)
    assert found["seed"].reference is not None


def test_outputs_of_a_corpus(tmp_path: Path) -> None:
    outputs, out, keep = tmp_path / "outputs", tmp_path / "out.json", tmp_path / "keep"
    outputs.mkdir()
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "reference.py").write_text(REFERENCE)
    (tmp_path / "manifest.toml").write_text(MANIFEST)
    (outputs / "right.py").write_text(KERNEL)
    (outputs / "wrong.py").write_text("import requests\n" + KERNEL)
    command = [sys.executable, str(SCRIPT), "--device", "none", "--corpus", str(tmp_path)]
    command += ["--manifest", str(tmp_path / "manifest.toml"), "--outputs", str(outputs), "--parallel", "1"]
    command += ["--workers", "1", "--seed", "5", "--keep", str(keep), "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    told = json.loads(out.read_text())
    rows = {one["name"]: one for one in told["files"]}
    assert {name: one["verdict"] for name, one in rows.items()} == {
        "right": "proved",
        "wrong": "refuted",
        "absent": "refused",
    }
    assert (told["wanted"], told["proved"]) == (3, 1)
    assert rows["right"]["unchanged"]
    assert rows["right"]["against"] == ["reference", "original"]
    assert rows["right"]["architecture"] is None
    assert "absent.py" in rows["absent"]["reason"]
    assert json.loads((keep / "right.certificate.json").read_text())["verdict"]["status"] == "proved"
    assert "right" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--examples", "--only", "nothing"]])
def test_nothing_to_prove(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="nothing to prove"):
        prove_outputs.main(arguments)
