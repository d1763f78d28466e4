"""One SQLite file: opened, checked, written in whole transactions, its errors put in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tilewright.errors import StoreError
from tilewright.store.schema import APPLICATION_ID, SCHEMA, TABLES

_ELSEWHERE = "name another file with --store, or keep nothing with --no-store"
_FAULTS = {
    sqlite3.SQLITE_FULL: ("the disk is full", f"make room, or {_ELSEWHERE}"),
    sqlite3.SQLITE_IOERR: ("the disk cannot be read or written", f"see to the disk and to its quota, or {_ELSEWHERE}"),
    sqlite3.SQLITE_BUSY: ("another process keeps the store locked", f"end it, or {_ELSEWHERE}"),
    sqlite3.SQLITE_LOCKED: ("another process keeps the store locked", f"end it, or {_ELSEWHERE}"),
    sqlite3.SQLITE_READONLY: ("the store cannot be written", _ELSEWHERE),
    sqlite3.SQLITE_PERM: ("the store cannot be written", _ELSEWHERE),
    sqlite3.SQLITE_CANTOPEN: ("the store cannot be opened", _ELSEWHERE),
    sqlite3.SQLITE_NOTADB: ("is no store of runs", _ELSEWHERE),
    sqlite3.SQLITE_CORRUPT: ("the store is damaged", f"move the file away, or {_ELSEWHERE}"),
}
"""By SQLite's primary result code: what it means, and what to do."""
_PAUSE_S = 0.01


class Database:
    """A connection to one store, for any number of threads; other processes may have theirs.

    A transaction that was committed outlives the process, and the power: every one is flushed to the disk.
    """

    def __init__(self, path: Path, *, patience_s: float = 30.0) -> None:
        """Open the file, or make it.

        Args:
            path: of the file; its folder is made if it is missing.
            patience_s: how long to wait for another process's transaction, in seconds.

        Raises:
            StoreError: it cannot be opened or written, or is no store of this version or an older one.
        """
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A run's seed is secret from other users too: a new file is its owner's alone, and so are its companions.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(str(path), f"cannot be opened: {_system_words(error)}", _ELSEWHERE) from error
        with self._in_words():
            self._connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(patience_s)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside is there afterwards, or none of it.

        Raises:
            StoreError: it cannot be written.
        """
        with self._lock, self._in_words():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows that a query finds.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock, self._in_words():
            return self._open().execute(query, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(str(self.path), "the store is closed", "open it again")
        return self._connection

    def _prepare(self, patience_s: float) -> None:
        with self._in_words():
            connection = self._open()
            empty = self._check_kind(connection)
            _write_ahead(connection, patience_s)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        if empty:
            with self.transaction() as connection:
                if self._check_kind(connection):
                    for table in TABLES:
                        connection.execute(table)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def _check_kind(self, connection: sqlite3.Connection) -> bool:
        """Whether there is nothing in the file yet."""
        kind, version, tables = (
            connection.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        if kind == APPLICATION_ID and version > SCHEMA:
            what = f"written by a newer Tilewright (schema {version}, this one knows {SCHEMA})"
            raise StoreError(str(self.path), what, f"install that version, or {_ELSEWHERE}")
        if (tables or kind) and kind != APPLICATION_ID:
            raise StoreError(str(self.path), "is an SQLite file of another program", _ELSEWHERE)
        return not tables

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            what, remedy = _FAULTS.get(code, ("the store cannot be used", _ELSEWHERE))
            raise StoreError(str(self.path), f"{what} ({error})", remedy) from error


def _write_ahead(connection: sqlite3.Connection, patience_s: float) -> None:
    """Keep a write-ahead log, so that readers and a writer do not wait for each other.

    While another process switches the same new file over, SQLite answers "locked" at once instead of waiting.
    """
    deadline = time.monotonic() + patience_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)


def _system_words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
