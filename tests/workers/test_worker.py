"""Each way a job can end, through the doors a caller uses."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_cases import all_end

from tilewright.workers import Pool, Worker

HERE = str(Path(__file__).parent)
ENVIRONMENT = {"PYTHONPATH": HERE}
LONG_S = 60.0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(environment=ENVIRONMENT) as worker:
        yield worker


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_job_returns_its_value(worker: Worker) -> None:
    outcome = worker.call("jobs:add", {"a": 2, "b": 3}, timeout_s=LONG_S)
    assert (outcome.kind, outcome.value) == ("returned", 5)
    assert outcome.elapsed_s > 0


def test_what_a_job_prints_does_not_reach_the_results(worker: Worker) -> None:
    outcome = worker.call("jobs:noise", {"text": "one\ntwo"}, timeout_s=LONG_S)
    assert outcome.value == {"said": "one\ntwo"}
    assert "two" in outcome.stderr_tail
    assert "to the error stream" in outcome.stderr_tail
    assert "two" not in worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).stderr_tail


def test_lines_written_to_the_pipe_itself_are_not_taken_for_an_answer(worker: Worker) -> None:
    assert worker.call("jobs:write_to_all_descriptors", {}, timeout_s=LONG_S).value == "true"
    assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2


def test_five_megabytes_go_both_ways(worker: Worker) -> None:
    assert worker.call("jobs:large", {"count": 50_000}, timeout_s=LONG_S).value == ["x" * 99] * 50_000
    assert worker.call("jobs:echo_length", {"text": "é" * 3_000_000}, timeout_s=LONG_S).value == 3_000_000


def test_a_job_that_raises_keeps_its_worker(worker: Worker) -> None:
    before = worker.pid
    outcome = worker.call("jobs:fail", {"text": "nothing there"}, timeout_s=LONG_S)
    assert (outcome.kind, outcome.error_type, outcome.message) == ("raised", "LookupError", "nothing there")
    assert "Traceback" in outcome.stderr_tail
    assert worker.pid == before


@pytest.mark.parametrize(
    ("job", "arguments", "error_type"),
    [
        ("jobs:leave", {"code": 3}, "SystemExit"),
        ("jobs:absent", {}, "AttributeError"),
        ("no_such_module:run", {}, "ModuleNotFoundError"),
        ("jobs:add", {"a": 1}, "TypeError"),
        ("jobs:unwritable", {}, "TypeError"),
    ],
    ids=["sys.exit", "no function", "no module", "missing argument", "not JSON"],
)
def test_other_failures_inside_the_job_are_raised_too(
    worker: Worker, job: str, arguments: dict[str, object], error_type: str
) -> None:
    outcome = worker.call(job, arguments, timeout_s=LONG_S)
    assert (outcome.kind, outcome.error_type) == ("raised", error_type)


@pytest.mark.parametrize(
    ("job", "arguments", "code", "word"),
    [
        ("jobs:vanish", {"code": 7}, 7, "exit code 7"),
        ("jobs:kill_self", {"number": int(signal.SIGSEGV)}, -signal.SIGSEGV, "SIGSEGV"),
    ],
    ids=["exit", "signal"],
)
def test_a_crash_is_told_and_the_next_call_has_a_fresh_process(
    worker: Worker, job: str, arguments: dict[str, object], code: int, word: str
) -> None:
    before = worker.pid
    outcome = worker.call(job, arguments, timeout_s=LONG_S)
    assert (outcome.kind, outcome.exit_code) == ("crashed", code)
    assert word in outcome.message
    assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2
    assert worker.pid != before


@pytest.mark.parametrize("detach", [False, True], ids=["same group", "own session"])
def test_a_time_out_ends_the_job_and_its_children(worker: Worker, detach: bool) -> None:
    note = worker.folder / "children"
    worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S)
    pid = worker.pid
    outcome = worker.call("jobs:hang", {"children": 2, "detach": detach, "note": str(note)}, timeout_s=2.0)
    assert outcome.kind == "timed_out"
    # the numbers are those that the worker sees, which can be others than those seen from here
    assert len(note.read_text().split()) == 2
    assert pid is not None
    assert not is_alive(pid)
    assert all_end(str(note))
    assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2


def test_a_job_that_ignores_the_polite_signal_is_killed(worker: Worker) -> None:
    worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S)
    pid = worker.pid
    assert worker.call("jobs:stubborn", {}, timeout_s=0.3).kind == "timed_out"
    assert pid is not None
    assert not is_alive(pid)


def test_memory_over_the_limit_is_an_outcome_of_its_own() -> None:
    with Worker(environment=ENVIRONMENT, memory_bytes=200 << 20) as worker:
        outcome = worker.call("jobs:fill", {"megabytes": 400}, timeout_s=LONG_S)
        assert outcome.kind == "out_of_memory"
        assert "200 MiB" in outcome.message
        assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2
        assert worker.call("jobs:exhaust", {}, timeout_s=LONG_S).kind == "out_of_memory"


def test_the_environment_is_an_allow_list_with_private_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("TILEWRIGHT_API_KEY", "secret")
    monkeypatch.setenv("TILEWRIGHT_COLOUR", "blue")
    with Worker(environment=ENVIRONMENT | {"MINE": "1"}, threads=3) as worker:
        seen = worker.call("jobs:describe", {}, timeout_s=LONG_S).value
        folder = worker.folder
        variables = seen["environment"]
        assert "secret" not in variables.values()
        assert (variables["TILEWRIGHT_COLOUR"], variables["MINE"]) == ("blue", "1")
        assert variables["OMP_NUM_THREADS"] == variables["MKL_NUM_THREADS"] == "3"
        for name in ("HOME", "TMPDIR", "TRITON_CACHE_DIR"):
            assert Path(variables[name]).parent == folder.parent
        assert Path(seen["folder"]) == folder
        # within process numbers of its own, a session that began outside has the number 0
        assert seen["session"] in (seen["pid"], 0)
        assert worker.pid is not None
        assert os.getsid(worker.pid) == worker.pid
    assert not folder.parent.exists()


def test_modules_are_imported_before_the_first_job() -> None:
    with Worker(environment=ENVIRONMENT, preload=["wave"]) as worker:
        assert worker.call("jobs:loaded", {"module": "wave"}, timeout_s=LONG_S).value is True
    with Worker(environment=ENVIRONMENT, preload=["no_such_module"]) as worker:
        outcome = worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S)
        assert (outcome.kind, outcome.error_type) == ("raised", "ModuleNotFoundError")


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, sys; from tilewright.workers import Worker; w = Worker();"
        "w.call('os:getpid', {}, timeout_s=60); print(w.pid, flush=True); os._exit(0)"
    )
    source = str(Path(sys.modules["tilewright"].__file__ or "").parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": source, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    pid = int(done.stdout)
    with contextlib.suppress(ProcessLookupError):  # gone already
        handle = os.pidfd_open(pid)
        ended, _, _ = select.select([handle], [], [], LONG_S)
        os.close(handle)
        assert ended


def test_a_closed_worker_says_so() -> None:
    worker = Worker(environment=ENVIRONMENT)
    worker.close()
    with pytest.raises(RuntimeError, match="closed"):
        worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S)


def test_a_pool_keeps_the_order_and_survives_crashes() -> None:
    with Pool(2, environment=ENVIRONMENT) as pool:
        outcomes = pool.map("jobs:odd_crash", [{"number": number} for number in range(10)], timeout_s=LONG_S)
        assert [outcome.kind for outcome in outcomes] == [
            "crashed" if number % 4 == 1 else "returned" for number in range(10)
        ]
        assert [outcome.value for outcome in outcomes if outcome.kind == "returned"] == [
            number * 10 for number in range(10) if number % 4 != 1
        ]
        assert pool.map("jobs:add", [], timeout_s=LONG_S) == []
