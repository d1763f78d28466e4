"""Killed again and again, at any moment: what was known stays as it was, and nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from tilewright.store import State, Store

STEPS, KILLS = 60, 6
WORKS = f"""
import os, sys
from pathlib import Path
from tilewright.records.trial import Refusal
from tilewright.store import Store, key_of

store = Store(Path(sys.argv[1]))
with store.resume("last") if store.runs() else store.begin({{"path": "k.py"}}, versions={{}}) as log:
    for step in range({STEPS}):
        sha256 = log.candidate(f"text {{step}}", kernel="k", stage="s", schedules=())
        answer = log.remember(
            Refusal, key_of(step), lambda: Refusal(what=os.urandom(8).hex(), reason=str(step)), candidate=sha256
        )
        print(step, answer.what, flush=True)
        sys.stdin.readline()
        log.best(f"text {{step}}", f"x1.{{step}}")
        log.document({{"step": step}})
    log.finish({{"step": step, "result": "unchanged"}})
"""


def test_what_was_known_stays_as_it_was(path: Path, rows) -> None:
    """The answers are drawn anew whenever they are computed: one that was computed twice would be another."""
    rng = random.Random(4)
    told: dict[str, str] = {}
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        wanted = rng.randrange(1, STEPS - 1) if kills < KILLS else STEPS + 1
        for number, line in enumerate(process.stdout, 1):
            step, answer = line.split()
            assert told.setdefault(step, answer) == answer, f"step {step} was computed again"
            process.stdin.write("\n")
            process.stdin.flush()
            if number == wanted:  # it is somewhere between this answer and the next
                os.kill(process.pid, signal.SIGKILL)
                break
        late = process.communicate()[0].split()
        told |= {late[0]: told.get(late[0], late[1])} if late else {}
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
        assert Store(path).find("last").state is State.INTERRUPTED
        assert rows("PRAGMA integrity_check") == [("ok",)]
    assert kills == KILLS
    kept = dict(rows("SELECT json_extract(record, '$.reason'), json_extract(record, '$.what') FROM answers"))
    assert kept == told
    assert len(kept) == STEPS
    counts = [rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("runs", "answers", "candidates", "texts")]
    assert counts == [1, STEPS, STEPS, STEPS]
    assert Store(path).document("last") == {"step": STEPS - 1, "result": "unchanged", "state": "finished"}
    assert Store(path).best("last") == f"text {STEPS - 1}"
