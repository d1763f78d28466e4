"""Nsight Compute on a real GPU: the seed's kernel profiled, every form of the report read, every assumption looked at.

Run by hand where there is a GPU and ``ncu``: ``TILEWRIGHT_RESULTS=folder/ python -m pytest tests/gpu/test_profile.py``.
With ``TILEWRIGHT_RESULTS``, the report, both layouts of CSV, the JSON and the notes are kept under that prefix.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tilewright import targets
from tilewright.profiling import Profiler, ProfilerError, metrics_of, ncu, ncu_rep, read_metrics
from tilewright.profiling.attempt import Files, attempt, confinements
from tilewright.profiling.here import gpu_name
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.source import read_request
from tilewright.stages import all_stages, get

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    pytest.mark.skipif(ncu.find() is None, reason="needs Nsight Compute"),
]

SEED = Path(__file__).parents[2] / "examples" / "seed" / "prompt.txt"


def call(a: tuple[int, int], b: tuple[int, int]) -> Problem:
    return Problem(
        inputs=tuple(TensorSpec(name=name, dtype="f32", shape=shape) for name, shape in (("A", a), ("B", b)))
    )


SMALL, FULL = call((1024, 512), (256, 1024)), call((8192, 2048), (4096, 8192))
TIME = "gpu__time_duration.sum"
LIMIT_S = 240.0


def target() -> object:
    name = gpu_name() or torch.cuda.get_device_name()
    try:
        return targets.load(name)
    except Exception:
        pytest.skip(f"{name} is not in the catalog")


def profiler(problem: Problem, **options: object) -> Profiler:
    made = Profiler(problem, target=target(), seed=1, say=print, **options)
    if made.unavailable == ncu.NO_PERMISSION:
        # the driver's settings say no; only a try tells whether they are read rightly
        made.unavailable = ""
    if made.unavailable:
        pytest.skip(made.unavailable)
    return made


def keep(name: str, text: str | bytes) -> None:
    prefix = os.environ.get("TILEWRIGHT_RESULTS")
    if prefix:
        data = text if isinstance(text, bytes) else text.encode()
        Path(prefix + name).write_bytes(data)


@pytest.fixture(scope="module")
def source():
    return read_request(str(SEED)).source


def test_the_driver_tells_its_name_as_torch_does() -> None:
    assert gpu_name() == torch.cuda.get_device_name(0)


def test_this_ncu_lists_every_name_that_is_asked_for_here() -> None:
    found, where = ncu.find(), target()
    for stage in (*all_stages(), None):
        names = metrics_of(stage, where)
        assert ncu.unknown_names(found, names, where.compute_capability) == (), stage
    listed = ncu._listed(found.program, found.version, ncu.chip_name(where.compute_capability))
    keep("listed.txt", "\n".join(sorted(listed)))
    assert listed, "the profiler's list of names could not be read: its form is another than expected"


def test_the_driver_s_settings_foretell_whether_counters_can_be_read(source) -> None:
    one, said = profiler(SMALL), ""
    try:
        one.profile(source, metrics=[TIME], limit_s=LIMIT_S)
    except ProfilerError as error:
        said = str(error)
    assert (said == ncu.NO_PERMISSION) == (ncu.no_permission() != ""), said


def test_all_forms_of_a_real_report_give_the_same_profile(tmp_path: Path, source) -> None:
    one = profiler(FULL, keep=tmp_path)
    names = metrics_of(get("advanced_memory"), one._target)
    found = one.profile(source, metrics=names, limit_s=LIMIT_S)
    keep("notes.txt", "\n".join(found.notes))
    print(*found.notes, sep="\n")
    values = found.metrics["matmul_kernel"]
    assert set(names) <= values.keys(), "a name was asked for and not given"
    assert found.launches == {"matmul_kernel": 1}, "more than the one call was looked at"
    assert values[TIME] > 1e5
    (report,) = tmp_path.glob("*.ncu-rep")
    keep("seed.ncu-rep", report.read_bytes())
    program = ncu.find()
    code, raw, _ = ncu.run(ncu.import_command(program, report), limit_s=120)
    assert code == 0
    keep("raw.csv", raw)
    long_layout = [
        program.program,
        "--import",
        str(report),
        "--csv",
        "--page",
        "details",
        "--print-metric-name",
        "name",
    ]
    code, long, said = ncu.run(long_layout, limit_s=120)
    assert code == 0, said
    keep("long.csv", long)
    forms = {"json": json.dumps(found.metrics), "raw.csv": raw, "long.csv": long}
    keep("metrics.json", forms["json"])
    read = {"report": read_metrics(str(report), source.kernels).metrics["matmul_kernel"]}
    for name, text in forms.items():
        path = tmp_path / name
        path.write_text(text)
        read[name] = read_metrics(str(path), source.kernels).metrics["matmul_kernel"]
    by_module = ncu_rep._by_module(str(report), program.python_folders())
    if by_module is None:
        print("no Python reader of reports here")
    else:
        read["module"] = by_module[0][0].metrics
    for form, metrics in read.items():
        for name in names:
            # printed values are rounded, those of the reader are not
            assert metrics[name] == pytest.approx(values[name], rel=1e-2, abs=0.01), (form, name)


def test_what_is_seen_of_the_seed_on_an_h200(source) -> None:
    if target().name != "h200":
        pytest.skip("figures of an H200")
    values = (
        profiler(FULL).profile(source, metrics=metrics_of(None, target()), limit_s=LIMIT_S).metrics["matmul_kernel"]
    )
    assert values[TIME] == pytest.approx(2.6e6, rel=0.15)
    assert values["l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"] == pytest.approx(4.35e8, rel=0.05)
    assert values["sm__warps_active.avg.pct_of_peak_sustained_active"] == pytest.approx(12.3, abs=1.0)
    assert values["launch__grid_size"] == 2048


def test_which_ways_of_confining_the_process_work(source) -> None:
    """None has to: the first that does is taken. What each said is kept, so that a looser one is never a surprise."""
    program, told = ncu.find(), {}
    for way in confinements(allow_unsandboxed=True):
        with Files() as files:
            request = profiler(SMALL)._request(source, files.exchange)
            made = attempt(program, way, files, request, [TIME], limit_s=120.0)
        told[way.name] = {
            "steps": [dict(step) for step in made.steps],
            "report": made.report is not None,
            "exit_code": made.exit_code,
            "timed_out": made.timed_out,
            "output": made.output[-3000:],
        }
    keep("ways.json", json.dumps(told, indent=1))
    print(json.dumps(told, indent=1))
    assert told["unsandboxed"]["report"], "the profiler does not work even where nothing is held back"
    assert any(one["report"] for name, one in told.items() if name != "unsandboxed"), "no way confines the process"


def test_times_without_counters_agree_with_the_profiler_s(source) -> None:
    one = profiler(FULL)
    by_records = one.times(source, limit_s=LIMIT_S).times_ns["matmul_kernel"]
    by_counters = one.profile(source, metrics=[TIME], limit_s=LIMIT_S).times_ns["matmul_kernel"]
    keep("times.json", json.dumps({"records_ns": by_records, "counters_ns": by_counters}))
    assert by_records == pytest.approx(by_counters, rel=0.25)


def test_a_tuned_kernel_is_seen_once_and_with_its_choice() -> None:
    path = Path(__file__).parents[1] / "data" / "inputs" / "autotuned_matmul.py"
    file = read_request(str(path)).source
    problem = call((512, 256), (256, 384))
    found = profiler(problem).profile(file, metrics=[TIME], limit_s=LIMIT_S)
    assert sum(found.launches.values()) == 1, found.notes
    assert any("profiled with" in note for note in found.notes), found.notes
    assert not any("timed configurations in the profiled call" in note for note in found.notes)


def test_a_file_that_raises_is_told_as_such(source) -> None:
    broken = replace(source, text=source.text.replace("def forward(self", "def forward(self, missing"))
    with pytest.raises(ProfilerError, match="the profiled call raises"):
        profiler(SMALL).profile(broken, metrics=[TIME], limit_s=LIMIT_S)
