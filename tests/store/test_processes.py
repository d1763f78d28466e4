"""Several processes and one store: at once, killed, and one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from tilewright.errors import StoreError
from tilewright.records.trial import Refusal
from tilewright.store import State, Store
from tilewright.store.owner import Owner, lives, this_process

KEEPS = """
import sys
from pathlib import Path
from tilewright.store import Store
from tilewright.records.trial import Refusal

path, name, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Store(path).begin({"path": name}, versions={}) as log:
    for each in range(number):
        sha256 = log.candidate(f"text {each}", kernel="k", stage="s", schedules=())
        log.remember(Refusal, f"{each}", lambda: Refusal(what=name, reason=str(each)), candidate=sha256)
    print(log.id, flush=True)
    if name == "waits":
        sys.stdin.read()
    log.finish({"result": "unchanged"})
"""


def keeps(path: Path, name: str, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KEEPS, str(path), name, str(number)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_runs_at_once_in_a_store_that_neither_finds_made(path: Path, rows) -> None:
    processes = [keeps(path, name, 40) for name in ("one", "two")]
    ended = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    found = {row.path: row.state for row in Store(path).runs()}
    assert found == {"one": State.FINISHED, "two": State.FINISHED}
    assert rows("SELECT count(*), count(DISTINCT key) FROM answers GROUP BY run") == [(40, 40), (40, 40)]
    assert rows("SELECT count(*) FROM texts") == [(40,)]
    assert rows("PRAGMA foreign_key_check") == []


def test_a_run_whose_process_is_killed_is_interrupted(path: Path) -> None:
    process = keeps(path, "waits", 3)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    store = Store(path)
    assert store.find(run_id).state is State.RUNNING
    with pytest.raises(StoreError, match=f"process {process.pid} works on it"):
        store.resume(run_id)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert store.find(run_id).state is State.INTERRUPTED, "dead, though nobody has waited for it"
    process.communicate()
    with store.resume(run_id) as log:
        assert log.recall(Refusal, "2") == Refusal(what="waits", reason="2")
        assert store.find(run_id).state is State.RUNNING


RESUMES = """
import sys
from pathlib import Path
from tilewright.store import Store

with Store(Path(sys.argv[1])).resume("last"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_cannot_resume_one_run(store: Store, log, path: Path) -> None:
    log.release()
    command = [sys.executable, "-c", RESUMES, str(path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    # whichever was refused ends by itself; the other one waits for the end of its input
    with ThreadPoolExecutor(2) as threads:
        waiting = {threads.submit(process.wait): process for process in processes}
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        loser = waiting[next(iter(done))]
        winner = next(process for process in processes if process is not loser)
        assert winner.stdin is not None
        winner.stdin.close()
    assert loser.stderr is not None
    assert winner.stdout is not None
    assert "works on it" in loser.stderr.read()
    assert (winner.stdout.read(), winner.returncode) == ("held\n", 0)


def test_a_process_is_known_by_its_start_too() -> None:
    own = this_process()
    assert lives(own)
    assert not lives(Owner(pid=own.pid, start=own.start + "0", system=own.system)), "the number was used again"
    assert not lives(Owner(pid=own.pid, start=own.start, system="another start of the system"))
    assert not lives(Owner(pid=2**22 + 1, start=own.start, system=own.system))
