"""Runs that are cut short: killed, stopped by Ctrl-C, or by a full disk. They go on, and end as if nothing had been.

The proof is replaced by one that says something else each time it is made: an answer that was not taken from the
store would show. ``benchmarks/kill_and_resume.py`` does the same with real proofs, at random moments.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tilewright as package
from tilewright import api, search
from tilewright.errors import StoreError
from tilewright.search import accept, session
from tilewright.store import State, Store

INPUT = Path(__file__).parents[2] / "examples" / "flat_grid_matmul" / "input.py"
SPEC = "A=f32[4096,4096] B=f32[4096,4096]"
JOB = ("optimize", INPUT, "--inputs", SPEC, "--stage", "grid_and_parallel")
"""As the tests of that example take it: what was built there need not be built here again, and the other way round."""
PROVER = '''
import os
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.search import accept, session

class NoWorker:
    """Nobody proves: there is no interpreter to start."""

    def close(self):
        pass

class Prover:
    """Each proof says something else."""

    def __init__(self, *_, **__):
        pass

    def prove(self, candidate):
        error = int.from_bytes(os.urandom(4)) * 1e-20
        check = Check(name="output", dtype="fp32", shapes=((4, 4),), distribution="normal", error=error, bound=1e-3,
                      original_error=None, passed=True)
        return Verdict(status=Status.PROVED, checks=(check,), reason="1 check holds", seed=7)

accept.Prover, session.interpreter_worker = Prover, NoWorker
'''
KILLS = (
    PROVER
    + """
import signal, sys
from tilewright.cli.main import run
from tilewright.store import RunLog

name, where, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
method = getattr(RunLog, name)

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def killed(*given, **named):
    if where == "before":
        kill()
    method(*given, **named)
    kill()

setattr(RunLog, name, killed)
sys.exit(run(arguments))
"""
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def quick_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same prover in this process."""
    names: dict[str, Any] = {}
    for module, name in ((accept, "Prover"), (session, "interpreter_worker")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards, whatever the text below sets
    exec(PROVER, names)


def rows(path: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(path)
    try:
        columns = {"candidates": "sha256, schedules", "builds": "digest, record", "verdicts": "key, record"}
        return {
            table: sorted(connection.execute(f"SELECT {names} FROM {table}").fetchall())
            for table, names in columns.items()
        }
    finally:
        connection.close()


def killed(path: Path, name: str, where: str, *arguments: object) -> None:
    """Run a command that kills itself at one call of the log."""
    command = [sys.executable, "-c", KILLS, name, where, *map(str, arguments), "--store", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Store(path).find("last").state is State.INTERRUPTED


def timeless(form: Any) -> Any:
    """A document without what depends on the clock."""
    if isinstance(form, dict):
        return {name: timeless(value) for name, value in form.items() if name not in {"elapsed_s", "at_s"}}
    return [timeless(item) for item in form] if isinstance(form, list) else form


def test_a_run_that_is_killed_three_times(tilewright, quick_proof, path: Path, tmp_path: Path) -> None:
    """After its first candidate, after its first proof, and with everything known but nothing written."""
    killed(path, "candidate", "after", *JOB)
    first = rows(path)
    assert (len(first["candidates"]), len(first["verdicts"])) == (1, 0)
    killed(path, "_keep", "after", "resume", "last")
    second = rows(path)
    assert len(second["verdicts"]) == 1
    killed(path, "finish", "before", "resume", "last")
    assert rows(path)["verdicts"] == second["verdicts"], "proved again"
    out, told, certificate = tmp_path / "out.py", tmp_path / "run.json", tmp_path / "certificate.json"
    ended = tilewright("resume", "last", "--store", path, "-o", out, "--json", told, "--certificate-out", certificate)
    assert ended.code == 0, ended.err
    row = Store(path).find("last")
    assert row.state is State.FINISHED
    assert f"kept as run {row.id}" in ended.err
    after = rows(path)
    assert after["verdicts"] == second["verdicts"]
    assert set(first["candidates"]) <= set(after["candidates"])
    for table, found in after.items():
        assert len({each[0] for each in found}) == len(found), f"doubled in {table}"

    other, alone, left_alone = tmp_path / "other.sqlite", tmp_path / "alone.py", tmp_path / "alone.json"
    assert tilewright(*JOB, "--store", other, "-o", alone, "--json", left_alone).code == 0
    assert out.read_text() == alone.read_text()
    assert out.read_text() != INPUT.read_text()
    assert [each[0] for each in rows(other)["candidates"]] == [each[0] for each in after["candidates"]]
    one, two = (timeless(json.loads(each.read_text())) for each in (told, left_alone))
    for form in (one, two):  # the stand-in's proofs differ on purpose
        for trial in form["trials"]:
            trial["verdict"].pop("checks")
    assert one == two

    once_more = tilewright("resume", row.id, "--store", path, "--json", tmp_path / "again.json")
    assert (once_more.code, once_more.out) == (0, out.read_text())
    assert once_more.err == f"run {row.id} is finished: its file once more\n"
    again = json.loads((tmp_path / "again.json").read_text())
    assert timeless(again) == timeless(json.loads(told.read_text()))
    document = Store(path).document(row.id)
    assert document["texts"] == {"input": INPUT.read_text(), "output": out.read_text()}
    assert document["certificate"] == json.loads(certificate.read_text())


@pytest.fixture
def stop_at_best(monkeypatch: pytest.MonkeyPatch, quick_proof) -> Callable[[BaseException], None]:
    """Something happens as soon as a candidate was accepted."""

    def stop(what: BaseException) -> None:
        real = search.optimize

        def optimize(*given: Any, on_run: Callable[[Any], None], **named: Any) -> Any:
            def told(run: Any) -> None:
                on_run(run)
                if run.winner is not None:
                    raise what

            return real(*given, on_run=told, **named)

        monkeypatch.setattr(search, "optimize", optimize)

    return stop


def test_ctrl_c_leaves_the_best_file_and_a_run_that_goes_on(tilewright, stop_at_best, path: Path, tmp_path) -> None:
    out = tmp_path / "out.py"
    stop_at_best(KeyboardInterrupt())
    ended = tilewright(*JOB, "--store", path, "-o", out)
    row = Store(path).find("last")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == (
        f"tilewright: interrupted; the best proved file so far is in {out}; tilewright resume {row.id} goes on\n"
    )
    assert (row.state, row.result) == (State.INTERRUPTED, "")
    assert row.best.startswith("x1.")
    assert row.best.endswith("predicted")
    assert out.read_text() == Store(path).best(row.id) != INPUT.read_text()
    document = Store(path).document(row.id)
    assert (document["state"], document["texts"]) == (
        "interrupted",
        {"input": INPUT.read_text(), "output": out.read_text()},
    )


def test_ctrl_c_in_python(quick_proof, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "optimize", interrupt)
    with pytest.raises(package.Interrupted) as stopped:
        package.optimize(str(INPUT), inputs=SPEC)
    assert (stopped.value.run, stopped.value.best) == ("", ""), "nothing is kept unless it is asked for"


def test_a_disk_that_fills_up_leaves_the_best_file(tilewright, stop_at_best, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.py"
    stop_at_best(StoreError(str(path), "the disk is full", "make room"))
    ended = tilewright(*JOB, "--store", path, "-o", out)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"tilewright: {path}: the disk is full; make room; the best proved file so far is in {out}\n"
    assert out.read_text() == Store(path).best("last")


BEST = "the best\n"
STOPS = [
    pytest.param(
        api.Interrupted("a-run", BEST), 130, "interrupted; the best proved file so far is on stdout; ", id="ctrl-c"
    ),
    pytest.param(StoreError("s", "is full", "make room", BEST), 2, "s: is full; make room; the best", id="full disk"),
]


@pytest.mark.parametrize(("error", "code", "expected"), STOPS)
def test_a_file_that_stdout_goes_to_gets_the_best_file(
    tilewright, monkeypatch: pytest.MonkeyPatch, path: Path, error: BaseException, code: int, expected: str
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api, "optimize", stop)
    ended = tilewright("optimize", INPUT, "--store", path)
    assert (ended.code, ended.out) == (code, BEST)
    assert ended.err.startswith(f"tilewright: {expected}")


def test_nothing_was_proved_yet(tilewright, monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise api.Interrupted("20260131-1234-kmzt", "")

    monkeypatch.setattr(api, "optimize", stop)
    ended = tilewright("optimize", INPUT, "--store", path, "-o", tmp_path / "out.py")
    told = f"interrupted; nothing was proved yet, {tmp_path / 'out.py'} is not written"
    assert ended.err == f"tilewright: {told}; tilewright resume 20260131-1234-kmzt goes on\n"
    assert not (tmp_path / "out.py").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")
def test_an_output_that_does_not_fit(tilewright, path: Path) -> None:
    """Of a run that is kept nothing is lost: only the files have to be written once more."""
    document = {"result": "unchanged", "trials": [], "texts": {"output": "code\n"}, "certificate": None}
    with Store(path).begin({}, versions={}) as log:
        log.finish(document)
    ended = tilewright("resume", log.id, "--store", path, "-o", "/dev/full")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("tilewright: ")
    assert (
        f"cannot be written: no space left on device; make room, and `tilewright resume {log.id}` writes" in ended.err
    )
    assert tilewright("resume", log.id, "--store", path).out == "code\n"
