from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tilewright.api.job import kept_document
from tilewright.records.timing import Comparison
from tilewright.records.trial import Inspection, Run
from tilewright.records.verification import Verification
from tilewright.report import (
    render_inspection_json,
    render_runs_json,
    write_certificate,
    write_comparison_json,
    write_json,
    write_verification_json,
)
from tilewright.store import Store

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"
PLAIN = {"text": str, "integer": int, "number": (int, float), "flag": bool}


def documented() -> dict[str, dict[str, str]]:
    """Object to key to type, from the tables of the document."""
    found: dict[str, dict[str, str]] = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
        row = re.match(r"\| `(\w+)` \| ([^|]+) \|", line)
        if row:
            found.setdefault(name, {})[row[1]] = row[2]
    return found


OBJECTS = documented()


def fault(value: object, wanted: str, place: str) -> str:
    """Where a value is not of the documented type; empty if it is everywhere."""
    if value is None:
        return "" if wanted.endswith("or null") else f"{place} is null"
    wanted = wanted.removesuffix(" or null")
    if wanted == "any":
        return ""
    if wanted.startswith("list of "):
        if not isinstance(value, list):
            return f"{place} is no list"
        inner = [fault(item, wanted.removeprefix("list of "), f"{place}[{i}]") for i, item in enumerate(value)]
        return next(filter(None, inner), "")
    if wanted.startswith("map to "):
        if not isinstance(value, dict):
            return f"{place} is no map"
        item_type = wanted.removeprefix("map to ") + (" or null" if place.endswith("floors_us") else "")
        return next(filter(None, (fault(item, item_type, f"{place}.{key}") for key, item in value.items())), "")
    if wanted in PLAIN:
        right = isinstance(value, PLAIN[wanted]) and isinstance(value, bool) == (wanted == "flag")
        return "" if right else f"{place} is {value!r}, not {wanted}"
    faults = [object_fault(value, name, place) for name in wanted.split(" or ")]
    return "" if "" in faults else faults[0]


def object_fault(value: object, name: str, place: str) -> str:
    if not isinstance(value, dict):
        return f"{place} is no {name}"
    keys = OBJECTS[name]
    if value.keys() != keys.keys():
        return f"{place} as {name}: {sorted(value.keys() ^ keys.keys())} are on one side only"
    return next(filter(None, (fault(item, keys[key], f"{place}.{key}") for key, item in value.items())), "")


@pytest.mark.parametrize("name", ["improved", "unchanged", "failing", "several", "measured"])
def test_a_run_is_as_documented(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run: Run = request.getfixturevalue(name)
    write_json(run, tmp_path / "run.json")
    form = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert object_fault(form, "Run", "run") == ""


@pytest.mark.parametrize("name", ["improved", "failing", "several"])
def test_an_inspection_is_as_documented(
    name: str, request: pytest.FixtureRequest, inspection_of: Callable[[Run], Inspection]
) -> None:
    form = json.loads(render_inspection_json(inspection_of(request.getfixturevalue(name))))
    assert object_fault(form, "Inspection", "inspection") == ""


@pytest.mark.parametrize("name", ["proved", "refuted"])
def test_a_verification_is_as_documented(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    one: Verification = request.getfixturevalue(name)
    write_verification_json(one, tmp_path / "one.json")
    form = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert object_fault(form, "Verification", "verification") == ""
    assert "class ModelNew" not in (tmp_path / "one.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["proved", "refuted"])
def test_a_certificate_is_as_documented(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    one: Verification = request.getfixturevalue(name)
    write_certificate(one, tmp_path / "one.json")
    form = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert object_fault(form, "Certificate", "certificate") == ""
    assert form["candidate"]["text"] == one.claim.candidate.text


@pytest.mark.parametrize("name", ["slower", "bare"])
def test_a_comparison_is_as_documented(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    one: Comparison = request.getfixturevalue(name)
    write_comparison_json(one, tmp_path / "one.json", baseline="a.py", candidate="b.py")
    form = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert object_fault(form, "Bench", "bench") == ""
    found = form["comparison"]
    assert (form["kind"], form["baseline_path"], found["provenance"]) == ("comparison", "a.py", "measured")
    assert found["ratio"]["low"] <= found["ratio"]["value"] <= found["ratio"]["high"]
    assert found["decision"] == one.decision.value


@pytest.mark.parametrize("name", ["improved", "unchanged"])
def test_a_kept_run_is_as_documented(
    name: str, request: pytest.FixtureRequest, proved: Verification, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    store = Store(tmp_path / "runs.sqlite")
    with store.begin({"path": "kernel.py"}, versions={"tilewright": "0.1.0"}) as log:
        log.document(kept_document(run, log))
        assert store.document(log.id)["certificate"] is None
        log.finish(kept_document(run, log, proved if run.winner else None))
    form = store.document(log.id)
    own = {key: value for key, value in form.items() if key in OBJECTS["Kept run"]}
    assert object_fault(own, "Kept run", "run") == ""
    assert object_fault({key: value for key, value in form.items() if key not in own}, "Run", "run") == ""
    assert form["texts"]["output"] == ("the candidate's text" if run.winner else "the input's text")
    listed = json.loads(render_runs_json(store.runs()))
    assert object_fault(listed, "Runs", "runs") == ""


def test_a_refusal_names_its_check(refuted: Verification, tmp_path: Path) -> None:
    write_verification_json(refuted, tmp_path / "one.json")
    form = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert form["refused_by"] == form["evidence"]["name"] == "output: relative Frobenius error"
    assert form["verdict"]["status"] == "refuted"
    # an error that is not finite has no number in JSON
    assert [check["error"] for check in form["verdict"]["checks"]].count(None) == 1


def test_the_check_itself_finds_faults() -> None:
    assert "is null" in fault(None, "text", "x")
    assert "on one side only" in fault({"name": "a"}, "Gpu", "x")
    assert "not integer" in fault(True, "integer", "x")


def test_no_object_of_the_document_is_unused() -> None:
    used = {word for keys in OBJECTS.values() for kind in keys.values() for word in re.findall(r"[A-Z]\w+", kind)}
    whole = {"Run", "Inspection", "Verification", "Certificate", "Bench", "Kept run", "Runs"}
    assert used | whole == OBJECTS.keys()


def test_numbers_and_their_origin(improved: Run, tmp_path: Path) -> None:
    write_json(improved, tmp_path / "run.json")
    form = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    kernel = form["kernels"][0]
    assert (form["schema"], form["kind"], form["result"]) == (1, "run", "improved")
    assert kernel["estimate"]["provenance"] == "predicted"
    assert kernel["build"]["provenance"] == "binary"
    assert kernel["algorithm"]["extents"] == {"m": 2048, "n": 4096, "k": 8192}
    assert form["speedup"]["low"] < form["speedup"]["ratio"] == 2.0 < form["speedup"]["high"]
    assert form["trials"][0]["accepted"] is True
    assert form["trials"][0]["changes"][1]["speedup_alone"] is None
    assert form["measured"]["matmul"]["launch__grid_size"] == 2048


def test_measured_and_predicted_stand_apart(measured: Run, tmp_path: Path) -> None:
    write_json(measured, tmp_path / "run.json")
    form = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    measurement = form["measurement"]
    assert (measurement["provenance"], form["speedup"]["provenance"]) == ("measured", "predicted")
    assert measurement["comparison"]["ratio"] == {"value": 1.0, "low": 0.99, "high": 1.01}
    assert (form["trials"][0]["stage"], form["trials"][0]["at_s"]) == ("block_tiling", 12.5)
    assert form["trials"][1]["screening"] == {
        "provenance": "measured",
        "sha256": "01",
        "time_us": None,
        "ratio": None,
        "error": "out of memory",
    }


def test_what_a_roofline_needs(improved: Run, tmp_path: Path) -> None:
    write_json(improved, tmp_path / "run.json")
    form = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert form["kernels"][0]["algorithm"]["operations"] == {"tensor_tf32": 2 * 2048 * 4096 * 8192}
    assert form["gpu"]["dram_gb_per_s"] > 0
    assert form["gpu"]["peak_tflops"]["tensor_tf32"] > 0


def test_infinite_times_are_null(failing: Run, tmp_path: Path) -> None:
    write_json(failing, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert "Infinity" not in text
    form = json.loads(text)
    assert form["kernels"][0]["build"]["failure"] == "out_of_resources"
    assert form["kernels"][1]["estimate"]["time_us"] is None
    assert form["speedup"] is None


def test_no_ir_and_no_texts_leave(improved: Run, tmp_path: Path) -> None:
    write_json(improved, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert "must_not_leak" not in text
    assert "the candidate's text" not in text
