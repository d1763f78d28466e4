"""Kill a run at random moments, go on with it, and compare with the same run left alone.

Each time: ``kill -9``, then ``tilewright resume``. The answer must be the file that the uninterrupted run gave; every
row that stood in the store must still be there, unchanged; and when the run has ended, its store must hold exactly the
rows of the uninterrupted one. Prints JSON; exit 1 if any of it does not hold.

    python benchmarks/kill_and_resume.py --kills 20
    python benchmarks/kill_and_resume.py --device cuda --reference REF INPUT
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tilewright.store import State, Store

ROOT = Path(__file__).resolve().parents[1]
OPTIMIZE = """
import json, sys
import tilewright

given = json.loads(sys.argv[1])
out = given.pop("out")
found = tilewright.optimize(given.pop("path"), allow_unsandboxed=True, **given)
open(out, "w", encoding="utf-8").write(found.source)
"""
RESUME = """
import sys
from tilewright.cli.main import main

main(sys.argv[1:])
"""
STAND_IN = """
import os, time
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.search import accept, session

class NoWorker:
    def close(self):
        pass

class Prover:
    def __init__(self, *_, **__):
        pass

    def prove(self, candidate):
        time.sleep(2)
        error = int.from_bytes(os.urandom(4), "big") * 1e-20
        check = Check(name="output", dtype="fp32", shapes=((4, 4),), distribution="normal", error=error, bound=1e-3,
                      original_error=None, passed=True)
        return Verdict(status=Status.PROVED, checks=(check,), reason="stand-in", seed=7)

accept.Prover, session.interpreter_worker = Prover, NoWorker
"""
"""In place of the prover, where the store alone is tried: sleeps 2 s, and says something else each time, so that
a proof that was made twice would show as a row that changed."""
KEYS = {
    "candidates": "sha256",
    "builds": "candidate || ' ' || digest",
    "verdicts": "kind || ' ' || key",
    "timings": "kind || ' ' || key",
    "profiles": "kind || ' ' || key",
    "answers": "kind || ' ' || key",
}
"""Every table of what was found out, with what names a row."""
CONTENTS = {"candidates": "kernel || stage || schedules", **dict.fromkeys(list(KEYS)[1:], "record")}
_POLL_S = 0.002
_LIMIT_S = 1800.0

Rows = dict[str, dict[str, str]]


class Place:
    """A store and an output of their own for one run."""

    def __init__(self, folder: Path, options: Mapping[str, object], stand_in: str) -> None:
        self.path, self.out = folder / "runs.sqlite", folder / "out.py"
        self.store = Store(self.path)
        given = {**options, "out": str(self.out), "store": str(self.path)}
        self.optimize = [sys.executable, "-c", stand_in + OPTIMIZE, json.dumps(given)]
        resume = ["resume", "last", "--store", str(self.path), "-o", str(self.out), "--allow-unsandboxed"]
        self.resume = [sys.executable, "-c", stand_in + RESUME, *resume]

    def rows(self) -> Rows:
        """What was found out so far, table by table."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return {
                table: dict(connection.execute(f"SELECT {key}, {CONTENTS[table]} FROM {table}").fetchall())
                for table, key in KEYS.items()
            }
        finally:
            connection.close()

    def faults(self) -> list[str]:
        """What SQLite itself finds wrong, and rows whose key stands there twice."""
        connection = sqlite3.connect(self.path)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"{row[0]}: no parent" for row in connection.execute("PRAGMA foreign_key_check")]
            for table, key in KEYS.items():
                query = f"SELECT count(*) - count(DISTINCT run || ' ' || {key}) FROM {table}"
                doubled = connection.execute(query).fetchone()[0]
                found += [f"{table}: {doubled} doubled"] if doubled else []
            if connection.execute("SELECT count(*) FROM runs").fetchone()[0] != 1:
                found.append("runs: not one")
            return found
        finally:
            connection.close()

    def began(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the run stands in the store."""
        while not self.store.runs():
            if process.poll() is not None:
                raise SystemExit(f"the run ended before it began:\n{_error(process)}")
            time.sleep(_POLL_S)


def main() -> int:
    """Run it as the command line asks."""
    given = _arguments()
    options: dict[str, object] = {"path": str(Path(given.input).resolve()), "seed": given.seed, "device": given.device}
    for name in ("gpu", "stage", "inputs", "reference"):
        if getattr(given, name) is not None:
            options[name] = getattr(given, name)
    rng, stand_in = random.Random(given.moments_seed), STAND_IN if given.without_proofs else ""
    with tempfile.TemporaryDirectory(prefix="tilewright-kills-") as folder:
        _left_alone(
            _new(folder, "warm", options, stand_in)
        )  # builds and bytecode: what is timed next is the same every time
        alone = _new(folder, "alone", options, stand_in)
        lasts_s = _left_alone(alone)
        expected = alone.rows(), alone.out.read_text(encoding="utf-8"), alone.store.runs()[0].result
        kills: list[dict[str, object]] = []
        late = 0
        while len(kills) < given.kills:
            place = _new(folder, f"{len(kills)} {late}", options, stand_in)
            one = _killed(place, rng.uniform(0.0, lasts_s), expected)
            if one["state"] == "finished":  # it was faster this time than when it was left alone
                late, lasts_s = late + 1, float(str(one["kept_s"]))
            else:
                kills.append(one)
            print(f"{len(kills)}: {json.dumps(one)}", file=sys.stderr, flush=True)
    good = all(one["same_file"] and one["same_rows"] and not one["lost"] and not one["faults"] for one in kills)
    counts = {table: len(rows) for table, rows in expected[0].items()}
    told = {
        "input": given.input,
        "options": {name: value for name, value in options.items() if name != "path"},
        "proofs": "a stand-in's" if stand_in else "real",
        "uninterrupted": {"seconds": round(lasts_s, 2), "result": expected[2], "rows": counts},
        "ended_before_the_kill": late,
        "kills": kills,
        "all_good": good,
    }
    print(json.dumps(told, indent=2))
    return 0 if good else 1


def _left_alone(place: Place) -> float:
    """Run it without a kill; seconds from the moment at which it stands in the store."""
    process = _start(place.optimize)
    place.began(process)
    began = time.monotonic()
    _finish(process)
    return time.monotonic() - began


def _killed(place: Place, at_s: float, expected: tuple[Rows, str, str]) -> dict[str, object]:
    """Run it, kill it, go on with it; what was there before and after."""
    process = _start(place.optimize)
    place.began(process)
    time.sleep(at_s)
    ended = process.poll() is not None
    if not ended:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    state, before = place.store.runs()[0].state, place.rows()
    kept_s = place.store.runs()[0].elapsed_s
    began = time.monotonic()
    _finish(_start(place.resume))
    resumed_s = time.monotonic() - began
    after = place.rows()
    lost = [f"{table} {key}" for table, rows in before.items() for key in rows if after[table].get(key) != rows[key]]
    row = place.store.runs()[0]
    return {
        "at_s": round(at_s, 2),
        "state": state.value,
        "kept_s": round(kept_s, 2),
        "rows_before": {table: len(rows) for table, rows in before.items() if expected[0][table]},
        "rows_after": {table: len(rows) for table, rows in after.items() if expected[0][table]},
        "lost": lost,
        "faults": place.faults(),
        "same_rows": all(set(after[table]) == set(rows) for table, rows in expected[0].items()),
        "same_file": place.out.read_text(encoding="utf-8") == expected[1],
        "same_result": (row.result, row.state) == (expected[2], State.FINISHED),
        "resumed_in_s": round(resumed_s, 2),
    }


def _new(folder: str, name: str, options: Mapping[str, object], stand_in: str) -> Place:
    own = Path(folder, name)
    own.mkdir()
    return Place(own, options, stand_in)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, error = process.communicate(timeout=_LIMIT_S)
    if process.returncode not in {0, 3}:
        raise SystemExit(f"exit code {process.returncode}:\n{error.decode()}")


def _error(process: subprocess.Popen[bytes]) -> str:
    return process.communicate()[1].decode()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("input", nargs="?", default="examples/flat_grid_matmul/input.py")
    parser.add_argument("--inputs", metavar="SPEC", help="of forward; none: read from the reference or assumed")
    parser.add_argument("--reference")
    parser.add_argument("--gpu")
    parser.add_argument("--stage")
    parser.add_argument("--device", default="none", choices=("none", "cuda"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the proofs' inputs, so that runs can be compared")
    parser.add_argument("--moments-seed", type=int, default=1, help="of the moments at which it is killed")
    parser.add_argument(
        "--without-proofs", action="store_true", help="try the store alone: proofs are a stand-in's, and take 2 s"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
