"""Runs begin, are kept row by row, end, are interrupted, and go on."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tilewright.errors import InputError, StoreError
from tilewright.records.build import Build, BuildFailure
from tilewright.records.profile import Profile
from tilewright.records.schedule import Schedule
from tilewright.records.timing import Comparison, Interval, Screening
from tilewright.records.trial import Refusal
from tilewright.records.verdict import Verdict
from tilewright.store import NullLog, RunLog, State, Store, key_of

REQUEST = {"path": "kernel.py", "gpu": "rtx4090", "device": "none", "stage": "block_tiling", "seed": 7}
VERSIONS = {"tilewright": "0.1.0", "triton": "3.9.0"}


def never() -> Verdict:
    raise AssertionError("computed again")


def test_a_run_is_listed_with_what_was_asked(store: Store, log: RunLog) -> None:
    (row,) = store.runs()
    assert row.id == log.id
    assert re.fullmatch(r"\d{8}-\d{4}-[a-z]{4}", row.id)
    assert (row.state, row.path, row.gpu, row.device, row.stage) == (
        State.RUNNING,
        "kernel.py",
        "rtx4090",
        "none",
        "block_tiling",
    )
    assert (row.result, row.best) == ("", "")
    assert store.request(row.id) == REQUEST == log.request


def test_an_answer_is_computed_once(log: RunLog, verdict: Verdict, counts) -> None:
    key = key_of("proof", "text")
    assert log.recall(Verdict, key) is None
    assert log.known_at_s(Verdict, key) is None
    assert log.remember(Verdict, key, lambda: verdict) == verdict
    assert log.remember(Verdict, key, never) == verdict
    assert log.recall(Verdict, key) == verdict
    assert 0 <= (log.known_at_s(Verdict, key) or -1) <= log.now_s
    assert counts()["verdicts"] == 1


def test_an_answer_that_was_not_found_is_not_kept(log: RunLog, verdict: Verdict) -> None:
    def fail() -> Verdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log.remember(Verdict, "key", fail)
    assert log.remember(Verdict, "key", lambda: verdict) == verdict


def test_kinds_with_one_key_are_apart(log: RunLog, comparison: Comparison, verdict: Verdict, rows) -> None:
    interval = Interval(value=1.5, low=1.4, high=1.6)
    screening = Screening(sha256="b", time_us=interval, ratio=interval)
    profile = Profile(metrics={"k": {"m": 1.0}}, origin="ncu")
    refusal = Refusal(what="matmul", reason="any frozen record")
    for record in (comparison, verdict, screening, profile, refusal):
        assert repr(log.remember(type(record), "key", lambda record=record: record)) == repr(record)
    assert repr(log.recall(Comparison, "key")) == repr(comparison)
    assert log.recall(Refusal, "key") == refusal
    assert rows("SELECT kind, outcome, ratio, low, high FROM timings ORDER BY kind") == [
        ("Comparison", "faster", 2.5, 2.4, 2.6),
        ("Screening", "", 1.5, 1.4, 1.6),
    ]
    assert rows("SELECT status, reason FROM verdicts") == [("refuted", "output differs")]
    assert rows("SELECT origin FROM profiles") == [("ncu",)]


def test_nothing_is_kept_twice(log: RunLog, build: Build, verdict: Verdict, counts) -> None:
    failure = BuildFailure(kernel="matmul", compute_capability=(8, 9), kind="crashed", message="signal 11")
    for _ in range(2):
        sha256 = log.candidate("text", kernel="matmul", stage="block_tiling", schedules=(Schedule(),))
        log.build(sha256, build)
        log.build(sha256, replace(build, num_warps=8))
        log.build(sha256, failure)
        log.remember(Verdict, "key", lambda: verdict, candidate=sha256)
        log.best("text", "1.5x (1.4 to 1.6), predicted")
        log.document({"result": "improved"})
    found = counts()
    assert (found["candidates"], found["builds"], found["verdicts"], found["texts"], found["documents"]) == (
        *(1, 3, 1),
        *(1, 1),
    )


def test_two_runs_keep_their_answers_apart(store: Store, log: RunLog, verdict: Verdict) -> None:
    """The other run has another seed: its proofs are others."""
    log.remember(Verdict, "key", lambda: verdict)
    with store.begin(REQUEST, versions=VERSIONS) as other:
        assert other.id != log.id
        assert other.recall(Verdict, "key") is None


def test_a_finished_run(store: Store, log: RunLog) -> None:
    log.best("the best file", "1.5x (1.4 to 1.6), predicted")
    log.finish({"kind": "run", "result": "improved"})
    row = store.find(log.id)
    assert (row.state, row.result, row.best) == (State.FINISHED, "improved", "1.5x (1.4 to 1.6), predicted")
    assert store.document(log.id) == {"kind": "run", "result": "improved", "state": "finished"}
    assert store.best(log.id) == "the best file"
    with pytest.raises(StoreError, match=f"run {log.id}: is finished; "):
        store.resume(log.id)


def test_an_interrupted_run_goes_on(store: Store, verdict: Verdict) -> None:
    with store.begin(REQUEST, versions=VERSIONS) as first:
        first.remember(Verdict, "key", lambda: verdict)
        first.document({"kind": "run"})
    assert store.find(first.id).state is State.INTERRUPTED
    assert store.document(first.id)["state"] == "interrupted"
    assert store.best(first.id) is None
    with store.resume(first.id, versions=VERSIONS) as second:
        assert (second.id, second.request) == (first.id, REQUEST)
        assert second.elapsed_s >= store.find(first.id).elapsed_s > 0
        assert second.now_s >= second.elapsed_s
        assert second.remember(Verdict, "key", never) == verdict
        assert store.find(first.id).state is State.RUNNING


def test_a_run_is_held_by_one_process(store: Store, log: RunLog) -> None:
    with pytest.raises(StoreError, match=rf"run {log.id}: process \d+ works on it; "):
        store.resume(log.id)


def test_who_lost_a_run_may_not_write(store: Store, log: RunLog, verdict: Verdict, counts) -> None:
    """As when it was taken for dead: its process stopped for long, or stands in another container."""
    log.release()
    with store.resume(log.id) as other:
        with pytest.raises(StoreError, match="was taken over"):
            log.remember(Verdict, "key", lambda: verdict)
        assert counts()["verdicts"] == 0
        other.remember(Verdict, "key", lambda: verdict)


def test_a_run_goes_on_with_the_versions_it_began_with(store: Store, log: RunLog) -> None:
    log.release()
    with pytest.raises(StoreError, match=r"ran with triton 3\.9\.0, and this is 3\.6\.0"):
        store.resume(log.id, versions={**VERSIONS, "triton": "3.6.0"})
    assert store.find(log.id).state is State.INTERRUPTED


@pytest.mark.parametrize("shorten", [lambda id: id[:-1], lambda id: id[-4:], lambda id: "last", lambda id: id])
def test_a_run_has_short_names(store: Store, log: RunLog, shorten: Callable[[str], str]) -> None:
    assert store.find(shorten(log.id)).id == log.id


def test_names_that_mean_no_run_or_several(store: Store, log: RunLog) -> None:
    with store.begin(REQUEST, versions=VERSIONS) as other:
        assert store.find("last").id == other.id
    assert [row.id for row in store.runs()] == [other.id, log.id]
    with pytest.raises(StoreError, match=f"2 runs begin like this, as {log.id}, {other.id}; write more"):
        store.find("20")
    with pytest.raises(StoreError, match=f"no such run in .*did you mean .*{log.id}.*; `tilewright runs` lists"):
        store.find(log.id[:-1] + "?")
    with pytest.raises(StoreError, match="no such run"):
        store.document("")


def test_an_empty_store(store: Store) -> None:
    assert store.runs() == ()
    with pytest.raises(StoreError, match="no run has been kept yet; `tilewright optimize`"):
        store.resume("last")


def test_a_run_that_has_nothing_to_tell_yet(store: Store, log: RunLog) -> None:
    with pytest.raises(StoreError, match=f"run {log.id}: running, with nothing found out yet"):
        store.document(log.id)


def test_threads_of_a_run_may_write_at_once(log: RunLog, verdict: Verdict, counts) -> None:
    def work(number: int) -> None:
        for each in range(5):
            log.candidate(f"text {each}", kernel="k", stage="s", schedules=())
            log.remember(Verdict, f"{number} {each}", lambda: verdict)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counts()["verdicts"], counts()["candidates"]) == (20, 5)


def test_the_file_is_its_owners_alone(store: Store, log: RunLog, path: Path) -> None:
    """It holds the seeds of proofs, and the user's code."""
    log.document({"kind": "run"})
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_users_own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILEWRIGHT_STORE", str(tmp_path / "mine.sqlite"))
    assert Store.default_path() == tmp_path / "mine.sqlite"
    monkeypatch.delenv("TILEWRIGHT_STORE")
    assert Store.default_path().parent.name == "tilewright"


def test_without_a_store_answers_are_computed(verdict: Verdict, comparison: Comparison) -> None:
    log = NullLog()
    assert log.remember(Verdict, "key", lambda: verdict) is verdict
    assert log.recall(Verdict, "key") is None
    assert len(log.candidate("text", kernel="k", stage="s", schedules=())) == 64
    assert (log.id, log.elapsed_s) == ("", 0.0)


def test_a_store_error_is_bad_input() -> None:
    assert issubclass(StoreError, InputError)


def test_a_key_tells_its_parts_apart() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of({"a": 1, "b": (2, 3)}) == key_of({"b": [2, 3], "a": 1})
