"""A store that cannot be used: one line that says what, where and what to do."""

from __future__ import annotations

import pickle
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tilewright.errors import StoreError
from tilewright.records.profile import Profile
from tilewright.store import Store, database
from tilewright.store.schema import APPLICATION_ID, SCHEMA

VERSIONS = {"tilewright": "0.1.0"}


def line(error: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def sqlite_file(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


FOREIGN = [
    pytest.param(
        lambda path: path.write_bytes(b"\x89PNG, and then some more bytes" * 40),
        "is no store of runs",
        id="no database",
    ),
    pytest.param(lambda path: sqlite_file(path, "CREATE TABLE mails (x)"), "of another program", id="other tables"),
    pytest.param(lambda path: sqlite_file(path, "PRAGMA application_id = 7"), "of another program", id="other program"),
    pytest.param(
        lambda path: sqlite_file(
            path,
            f"PRAGMA application_id = {APPLICATION_ID}",
            f"PRAGMA user_version = {SCHEMA + 1}",
            "CREATE TABLE runs (x)",
        ),
        f"written by a newer Tilewright .schema {SCHEMA + 1}, this one knows {SCHEMA}.; install",
        id="newer",
    ),
    pytest.param(lambda path: path.mkdir(), "cannot be opened: is a directory", id="folder"),
]


@pytest.mark.parametrize(("make", "expected"), FOREIGN)
def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, make: Callable[[Path], None], expected: str) -> None:
    path = tmp_path / "file"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StoreError) as error:
        Store(path)
    assert re.search(f"^{path}: .*{expected}.*--no-store", line(error)), line(error)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StoreError, match=r"runs\.sqlite: cannot be opened: (not a directory|file exists); name another"
    ):
        Store(tmp_path / "file" / "runs.sqlite")


def test_a_file_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write everywhere, so that the answer of the system is given here."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(database.os, "open", refuse)
    with pytest.raises(StoreError, match=r"runs\.sqlite: cannot be opened: permission denied; .*--no-store"):
        Store(tmp_path / "runs.sqlite")


def test_a_damaged_store(store: Store, log, path: Path) -> None:
    log.finish({"kind": "run"})
    log.__exit__(None, None, None)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x55" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"the store is damaged .*; move the file away"):
        Store(path).runs()


def test_a_store_that_another_process_keeps_locked(store: Store, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"another process keeps the store locked .*; end it"):
        Store(path, patience_s=0.05).begin({}, versions=VERSIONS)
    assert store.runs() == ()  # who only reads does not wait
    other.execute("ROLLBACK")
    other.close()
    Store(path, patience_s=0.05).begin({}, versions=VERSIONS).__exit__(None, None, None)


def test_a_full_disk(store: Store, log, counts) -> None:
    """SQLite's own limit answers as a full disk does. What was kept before is whole, and what is kept later too."""
    profile = Profile(metrics={"kernel": {"m" * 200_000: 1.0}}, origin="ncu")
    log.remember(Profile, "small", lambda: Profile(metrics={}, origin="ncu"))
    (pages,) = log._database.rows("PRAGMA page_count")[0]
    log._database.rows(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError) as error:
        log.remember(Profile, "large", lambda: profile)
    assert re.search(r"runs\.sqlite: the disk is full .*; make room, or .*--no-store", line(error)), line(error)
    assert counts()["profiles"] == 1
    log._database.rows("PRAGMA max_page_count = 1000000")
    log.remember(Profile, "large", lambda: profile)
    assert counts()["profiles"] == 2


FILLS = """
import resource, sys
from pathlib import Path
from tilewright.errors import StoreError
from tilewright.store import Store
from tilewright.records.profile import Profile

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
kept = 0
with Store(Path(sys.argv[1])).begin({}, versions={}) as log:
    try:
        for number in range(1000):
            log.remember(Profile, str(number), lambda: Profile(metrics={}, origin="o" * 5_000))
            kept += 1
    except StoreError as error:
        print(error)
print(kept)
"""


def test_a_file_that_may_not_grow(path: Path, counts) -> None:
    """The system's own refusal, in the middle of a run: what was said to be kept is there."""
    done = subprocess.run([sys.executable, "-c", FILLS, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told, kept = done.stdout.splitlines()
    assert re.search(r"runs\.sqlite: (the disk is full|the disk cannot be read or written) .*--no-store", told)
    assert 0 < int(kept) == counts()["profiles"] < 1000
    assert Store(path).runs()[0].state == "interrupted"


def test_the_error_survives_pickling() -> None:
    error = StoreError("store", "is full", "make room", "the best file")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.best) == ("store: is full; make room", "the best file")
