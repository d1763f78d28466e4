"""The forms in which metrics come give the same Profile: JSON, both layouts of CSV, and the profiler's own report."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

from tilewright.errors import MetricsError
from tilewright.profiling import ncu, read_metrics

DATA = Path(__file__).parents[1] / "data"
LONG = DATA / "h200_seed_ncu.csv"
"""What Nsight Compute printed for the seed's kernel on an H200."""
REAL = DATA / "ncu"
"""What ``tests/gpu/test_profile.py`` kept of one report of the seed's kernel, in the forms that are text."""
KERNELS = ("matmul_kernel",)
FORMS = ("json", "long", "raw", "report by ncu", "report by ncu_report")


def rows() -> list[dict[str, str]]:
    lines = [line for line in LONG.read_text().splitlines() if line.startswith('"')]
    return list(csv.DictReader(lines))


def as_json() -> str:
    """The seed's form."""
    values = {row["Metric Name"]: float(row["Metric Value"].replace(",", "")) for row in rows()}
    return json.dumps({"matmul_kernel": values})


def as_raw() -> str:
    """A row a launch, in units that the profiler may choose, with the columns that it adds by itself."""
    head = ["ID", "Process ID", "Kernel Name", "Device", "CC", "device__attribute_display_name", "launch__func_cache"]
    first = rows()[0]
    values = ["0", "519", first["Kernel Name"], "0", "9.0", "NVIDIA H200", "CachePreferNone"]
    units = [""] * len(head)
    for row in rows():
        head.append(row["Metric Name"])
        scaled = row["Metric Name"] == "gpu__time_duration.sum"
        units.append("usecond" if scaled else row["Metric Unit"])
        values.append("2,605.504" if scaled else row["Metric Value"])
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([head, units, values])
    return (
        "==PROF== Connected to process 519\nloss 0.5\n" + text.getvalue() + "==PROF== Disconnected from process 519\n"
    )


READER = '''"""Stands in for the vendor's Python reader."""
import json


class Metric:
    def __init__(self, value, unit):
        self._value, self._unit = value, unit

    def value(self):
        return self._value

    def unit(self):
        return self._unit


class Action:
    def __init__(self, told):
        self.told = told

    def name(self):
        return self.told["kernel"]

    def metric_names(self):
        return list(self.told["metrics"])

    def metric_by_name(self, name):
        return Metric(*self.told["metrics"][name])


class Report:
    def __init__(self, actions):
        self.actions = actions

    def num_ranges(self):
        return 1

    def range_by_idx(self, index):
        return self

    def num_actions(self):
        return len(self.actions)

    def action_by_idx(self, index):
        return Action(self.actions[index])


def load_report(path):
    return Report(json.load(open(path)))
'''


def place_program(folder: Path, body: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / "ncu"
    program.write_text(body)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on the PATH; no installed profiler is found unless it lies there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.delenv(ncu.VARIABLE, raising=False)
    monkeypatch.setattr(ncu, "_PLACES", ())
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return folder


@pytest.fixture(params=FORMS)
def given(request: pytest.FixtureRequest, tmp_path: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same measurement in one form, with what it takes to read it."""
    form = request.param
    if form == "long":
        return LONG
    if form in ("json", "raw"):
        path = tmp_path / f"metrics.{form}"
        path.write_text(as_json() if form == "json" else as_raw())
        return path
    path = tmp_path / "seed.ncu-rep"
    if form == "report by ncu":
        path.write_bytes(b"NVR\x00 what only the profiler reads")
        printed = tmp_path / "printed.csv"
        printed.write_text(as_raw())
        wanted = f'"--import {path} --csv --page raw --print-units base"'
        answer = f'[ "$*" = {wanted} ] && cat "{printed}"'
        place_program(alone, f'#!/bin/sh\nif [ "$1" = --version ]; then echo Version 2026.1.0.0; else {answer}; fi\n')
        return path
    metrics = {row["Metric Name"]: [float(row["Metric Value"].replace(",", "")), row["Metric Unit"]] for row in rows()}
    extra = {"device__attribute_display_name": ["NVIDIA H200", ""], "launch__func_cache": [3, ""], "n": [1.0, ""]}
    path.write_text(json.dumps([{"kernel": "matmul_kernel", "metrics": metrics | extra}]))
    reader = tmp_path / "reader"
    reader.mkdir()
    (reader / "ncu_report.py").write_text(READER)
    monkeypatch.setenv("PYTHONPATH", f"{reader}{os.pathsep}{os.environ['PYTHONPATH']}")
    return path


def test_every_form_gives_the_same_profile(given: Path) -> None:
    found, expected = read_metrics(str(given), KERNELS), read_metrics(str(LONG), KERNELS)
    assert found.metrics == expected.metrics
    assert found.metrics["matmul_kernel"]["l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"] == 434_722_015
    assert len(found.metrics["matmul_kernel"]) == 10
    assert (found.times_ns, found.launches) == ({"matmul_kernel": 2_605_504.0}, {"matmul_kernel": 1})
    assert found.notes == expected.notes == ()


def test_both_layouts_of_one_real_report_hold_what_its_json_holds() -> None:
    expected = json.loads((REAL / "h200_seed_metrics.json").read_text())["matmul_kernel"]
    for form in ("raw.csv", "long.csv", "metrics.json"):
        found = read_metrics(str(REAL / f"h200_seed_{form}"), KERNELS)
        values = found.metrics["matmul_kernel"]
        # the long layout prints what was asked for, in digits as it likes; the raw one a great deal more
        assert {name: values[name] for name in expected} == pytest.approx(expected, rel=1e-2, abs=0.01), form
        assert not [note for note in found.notes if "theoretical occupancy" not in note], form
        assert found.launches == {"matmul_kernel": 1}
    assert read_metrics(str(REAL / "h200_seed_raw.csv"), KERNELS).metrics["matmul_kernel"]["launch__sm_count"] == 132


def test_a_report_that_nothing_here_reads(tmp_path: Path, alone: Path) -> None:
    path = tmp_path / "seed.ncu-rep"
    path.write_bytes(b"NVR\x00")
    with pytest.raises(MetricsError, match="only by itself or its Python reader, and neither is installed"):
        read_metrics(str(path), KERNELS)
    place_program(alone, "#!/bin/sh\necho '==ERROR== Unsupported report version'; exit 1\n")
    with pytest.raises(MetricsError, match="Unsupported report version"):
        read_metrics(str(path), KERNELS)
    with pytest.raises(MetricsError, match="no such file"):
        read_metrics(str(tmp_path / "absent.ncu-rep"), KERNELS)


def test_the_reader_is_found_beside_the_program(tmp_path: Path, alone: Path) -> None:
    place_program(tmp_path / "nsight", "#!/bin/sh\nexit 1\n")
    (alone / "ncu").symlink_to(tmp_path / "nsight" / "ncu")
    folder = tmp_path / "nsight" / "extras" / "python"
    folder.mkdir(parents=True)
    (folder / "ncu_report.py").write_text(READER)
    path = tmp_path / "seed.ncu-rep"
    path.write_text(json.dumps([{"kernel": "matmul_kernel", "metrics": {"launch__grid_size": [7, ""]}}]))
    assert read_metrics(str(path), KERNELS).metrics == {"matmul_kernel": {"launch__grid_size": 7.0}}


def test_columns_of_words_are_passed_over_and_broken_numbers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    path.write_text(as_raw().replace("launch__func_cache", "launch__some_words"))
    assert "launch__some_words" not in read_metrics(str(path), KERNELS).metrics["matmul_kernel"]
    path.write_text(as_raw().replace("84.12", "high"))
    with pytest.raises(MetricsError, match=r"lts__t_sector_hit_rate\.pct: 'high' is not a number"):
        read_metrics(str(path), KERNELS)
