"""A run of the table, with what optimizes and what times replaced: what it leaves when it is cut, and takes again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import contraction
import pytest
from contraction_cases import Case, chosen_cases
from contraction_run import Settings, Table, folder_of, kept, run_cases
from contraction_timing import Side, Timed

from tilewright import InputError, targets
from tilewright.records.timing import Interval
from tilewright.timing import Call
from tilewright.timing.channel import Machine

CASES = chosen_cases(["1024.nn.????"])
TARGET = targets.load("h200")
US = {"input": 400.0, "torch": 100.0, "tilewright": 80.0, "compile": 120.0}


def machine(name: str = "NVIDIA H200") -> Machine:
    return Machine(name=name, uuid=None, versions={"torch": "2.11.0", "triton": "3.6.0"}, sets=4, notes=())


class Timing:
    """Answers with times that it was told, until it is cut."""

    def __init__(self, cut_after: int = 99) -> None:
        self.machine: Machine | None = None
        self.left = cut_after
        self.seen: list[tuple[Call, dict[str, str]]] = []

    def time(self, call: Call, texts: Mapping[str, str], *, seconds: float, limits_s: Mapping[str, float]) -> Timed:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.machine = machine()
        self.seen.append((call, dict(texts)))
        found = Timed()
        for role in texts:
            us = Interval(value=US[role], low=US[role], high=US[role])
            found.sides[role] = Side(cold_us=us, host_us=us)
            found.logs[role] = [math.log(us.value)] * 6
        return found


def optimizer(asked: list[str]) -> Any:
    def optimize(case: Case, folder: Path, settings: Settings) -> dict[str, Any]:
        asked.append(case.name)
        if case.dtype == "bf16":
            raise InputError("it is not to be")
        told = {"input_sha256": sha256(folder / "input.py"), "binds": "tensor"}
        file = folder / f"tilewright.{settings.precision}.py"
        file.write_text("# faster\n")
        told["sha256"] = sha256(file)
        (folder / f"tilewright.{settings.precision}.json").write_text(json.dumps(told))
        return {**told, "reused": False, "edited": False}

    return optimize


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(settings: Settings, path: Path | None = None, **changes: Any) -> tuple[Table, list[str]]:
    asked: list[str] = []
    table = changes.pop("table", Table())
    given: dict[str, Any] = {"timing": Timing(), "optimize": optimizer(asked), "table": table} | changes

    def save(table: Table) -> None:
        contraction.written(contraction.told_of(table, settings, TARGET), path, None)

    run_cases(given.pop("cases", CASES), settings, TARGET, save=save, **given)
    return table, asked


def test_rows(tmp_path: Path) -> None:
    timing, settings = Timing(), Settings(files=tmp_path, compile_mode="max-autotune")
    table, asked = run(settings, tmp_path / "table.json", timing=timing)
    told = json.loads((tmp_path / "table.json").read_text())
    assert asked == [case.name for case in CASES]
    assert told["rows"] == json.loads(json.dumps(table.rows))
    assert (told["device"], told["provenance"], told["not_run"]) == ("NVIDIA H200", "measured", [])
    assert set(told["versions"]) == {"torch", "triton", "python", "tilewright"}
    first, last = told["rows"][0], told["rows"][-1]
    assert set(first["times"]) == {"input", "torch", "tilewright", "compile"}
    assert {name: round(ratio["value"], 6) for name, ratio in first["ratios"].items()} == {
        **{"input": 5.0, "torch": 1.25, "compile": 1.5}
    }
    assert first["binds"] == "tensor"
    # what could not be optimized is timed without a file of Tilewright's, and said
    assert set(last["times"]) == {"input", "torch", "compile"}
    assert last["ratios"] == {}
    assert last["error"] == "not optimized: it is not to be"
    call, texts = timing.seen[0]
    assert call.problem.inputs == CASES[0].inputs
    assert "def get_inputs" in (call.reference or "")
    assert texts["tilewright"] == "# faster\n"


def test_a_run_that_is_cut_leaves_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(KeyboardInterrupt):
        run(Settings(files=tmp_path), path, timing=Timing(cut_after=1))
    told = json.loads(path.read_text())
    assert [row["case"] for row in told["rows"]] == [CASES[0].name]
    assert told["not_run"] == [case.name for case in CASES[1:]]


def test_it_goes_on_from_there(tmp_path: Path) -> None:
    path, settings = tmp_path / "table.json", Settings(files=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(settings, path, timing=Timing(cut_after=1))
    table = contraction.earlier(path, settings)
    assert [row["case"] for row in table.rows] == [CASES[0].name]
    _, asked = run(settings, path, table=table, cases=CASES[1:])
    # the second was optimized before its timing was cut
    assert asked == [CASES[2].name]
    assert [row["case"] for row in json.loads(path.read_text())["rows"]] == [case.name for case in CASES]


def test_it_does_not_go_on_on_another_device(tmp_path: Path) -> None:
    path, settings = tmp_path / "table.json", Settings(files=tmp_path)
    run(settings, path, cases=CASES[:1])
    table = contraction.earlier(path, settings)
    table.made_on["device"] = "NVIDIA A100"
    with pytest.raises(SystemExit, match="NVIDIA A100"):
        run(settings, path, table=table, cases=CASES[1:])


def test_it_does_not_go_on_from_another_precision(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    run(Settings(files=tmp_path), path, cases=CASES[:1])
    with pytest.raises(SystemExit, match="no-worse"):
        contraction.earlier(path, Settings(files=tmp_path, precision="same"))


def test_files_are_taken_again_if_they_are_of_this_input(tmp_path: Path) -> None:
    settings = Settings(files=tmp_path)
    run(settings, cases=CASES[:2])
    table, asked = run(settings, cases=CASES[:2])
    assert asked == []
    assert [row["optimized"]["reused"] for row in table.rows] == [True, True]
    folder = folder_of(CASES[0], settings)
    (folder / "tilewright.no-worse.py").write_text("# by hand\n")
    assert (kept(folder, settings) or {})["edited"]
    assert kept(folder, Settings(files=tmp_path, precision="same")) is None
    (folder / "input.py").write_text("another")
    assert kept(folder, settings) is None


def test_nothing_is_optimized_where_that_was_asked(tmp_path: Path) -> None:
    table, asked = run(Settings(files=tmp_path, optimizes=False), cases=CASES[:1])
    assert asked == []
    assert set(table.rows[0]["times"]) == {"input", "torch"}


def test_a_case_that_fails_is_a_row(tmp_path: Path) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("of all things")

    table, _ = run(Settings(files=tmp_path), cases=CASES[:2], optimize=broken)
    assert [row["error"] for row in table.rows] == ["not optimized: ZeroDivisionError: of all things"] * 2
    assert all(set(row["times"]) == {"input", "torch"} for row in table.rows)


def test_the_time_is_kept(tmp_path: Path) -> None:
    clock = iter([0.0, 0.0, 70.0, 140.0, 210.0, 280.0])
    settings = Settings(files=tmp_path, limit_s=60.0, total_s=150.0)
    table, asked = run(settings, now=lambda: next(clock))
    # begun at 0 and at 140 of 150 seconds, which is too late
    assert asked == [CASES[0].name]
    assert table.not_run == [case.name for case in CASES[1:]]


def test_dry_run_writes_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert contraction.main(["--cases", "seed.tt.fp32", "--dry-run", "--files", str(tmp_path)]) == 0
    assert "1 cases; nothing was run" in capsys.readouterr().out
    assert sorted(each.name for each in (tmp_path / "seed.tt.fp32").iterdir()) == [
        *("input.py", "reference.py", "torch.py")
    ]


def test_unknown_cases_and_missing_folder() -> None:
    with pytest.raises(SystemExit, match="--cases nope"):
        contraction.main(["--cases", "nope", "--dry-run"])
    with pytest.raises(SystemExit):
        contraction.main(["--no-time"])
