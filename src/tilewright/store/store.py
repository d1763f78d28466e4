"""All runs of a user, in one file."""

from __future__ import annotations

import difflib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from tilewright.errors import StoreError
from tilewright.store.database import Database
from tilewright.store.owner import Owner, lives, this_process
from tilewright.store.run_log import RunLog

LAST = "last"
"""Names the run that was begun last."""
_LETTERS = "bcdfghjkmnpqrstvwxz"
_SHOWN = 3
_COLUMNS = "number, id, finished, sitting, owner_pid, owner_start, owner_system, created_utc, elapsed_s, path, gpu, "
_COLUMNS += "device, stage, result, best_words, versions"


class State(StrEnum):
    """What a run is doing."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    """It has not come to its end, and no process works on it: it can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run, as a list of runs shows it."""

    id: str
    state: State
    path: str
    """The input, as it was named."""
    gpu: str
    device: str
    stage: str
    created_utc: str
    """As ``2026-01-31T12:34:56Z``."""
    elapsed_s: float
    """Of all sittings; of a running one, up to the last that it recorded."""
    result: str
    """``improved``, ``unchanged``, or nothing before the end."""
    best: str
    """The gain of the best proved file so far, in words; empty where nothing was proved."""


class Store:
    """Runs in one SQLite file, which any number of processes may use at once."""

    def __init__(self, path: Path, *, patience_s: float = 30.0) -> None:
        """Open the file, or make it.

        Args:
            path: of the file; :meth:`default_path` is the user's own.
            patience_s: how long to wait for another process's transaction, in seconds.

        Raises:
            StoreError: it cannot be opened or written, or is no store of this version or an older one.
        """
        self.path, self._patience_s = path, patience_s
        self._database().close()

    @staticmethod
    def default_path() -> Path:
        """The user's own store: ``TILEWRIGHT_STORE``, else a file in the user's data folder."""
        if chosen := os.environ.get("TILEWRIGHT_STORE"):
            return Path(chosen)
        import platformdirs

        return Path(platformdirs.user_data_dir("tilewright")) / "runs.sqlite"

    def begin(self, request: Mapping[str, object], *, versions: Mapping[str, str]) -> RunLog:
        """Begin a run, held by this process.

        Args:
            request: JSON values: everything that it takes to run it again, the texts of files and the seed included.
                Its texts ``path``, ``gpu``, ``device`` and ``stage`` are what a list of runs shows.
            versions: of what it runs with; it is resumed with no others.

        Raises:
            StoreError: the store cannot be written.
        """
        database, owner = self._database(), this_process()
        created = datetime.now(UTC)
        shown = [str(request.get(name) or "") for name in ("path", "gpu", "device", "stage")]
        kept = [json.dumps(dict(each), allow_nan=False, sort_keys=True) for each in (request, versions)]
        names = "id, created_utc, owner_pid, owner_start, owner_system, path, gpu, device, stage, request, versions"
        try:
            with database.transaction() as connection:
                run_id = _new_id(created)
                while connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone():
                    run_id = _new_id(created)
                values = (run_id, created.strftime("%Y-%m-%dT%H:%M:%SZ"), *asdict(owner).values(), *shown, *kept)
                marks = ", ".join("?" * len(values))
                added = connection.execute(f"INSERT INTO runs ({names}) VALUES ({marks})", values)
            return RunLog(database, number=int(added.lastrowid or 0), sitting=1)
        except BaseException:
            database.close()
            raise

    def resume(self, run_id: str, *, versions: Mapping[str, str] | None = None) -> RunLog:
        """Take up an interrupted run, for this process.

        Args:
            run_id: as :meth:`find` takes it.
            versions: of what would go on with it; ``None`` asks for none in particular.

        Raises:
            StoreError: no such run, or it is finished, or a process works on it, or it ran with other versions.
        """
        database = self._database()
        try:
            with database.transaction() as connection:
                row = _find(connection.execute(f"SELECT {_COLUMNS} FROM runs ORDER BY number"), run_id, self.path)
                self._check_resumable(row, versions)
                connection.execute(
                    "UPDATE runs SET sitting = sitting + 1, owner_pid = ?, owner_start = ?, owner_system = ? "
                    "WHERE number = ?",
                    (*asdict(this_process()).values(), row["number"]),
                )
            return RunLog(database, number=row["number"], sitting=row["sitting"] + 1)
        except BaseException:
            database.close()
            raise

    def _check_resumable(self, row: Mapping[str, Any], versions: Mapping[str, str] | None) -> None:
        place, state = f"run {row['id']}", _state(row)
        if state is State.FINISHED:
            raise StoreError(place, "is finished", "`tilewright optimize` begins another")
        if state is State.RUNNING:
            raise StoreError(place, f"process {row['owner_pid']} works on it", "wait for that, or end it")
        before = json.loads(row["versions"])
        for name in versions or ():
            if before.get(name) != (versions or {})[name]:
                what = f"ran with {name} {before.get(name)}, and this is {(versions or {})[name]}: answers may differ"
                raise StoreError(place, what, "use that version, or run `tilewright optimize` again")

    def runs(self) -> tuple[RunRow, ...]:
        """Every run, newest first.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._reading() as database:
            rows = database.rows(f"SELECT {_COLUMNS} FROM runs ORDER BY number DESC")
        return tuple(_row(_named(each)) for each in rows)

    def find(self, run_id: str) -> RunRow:
        """The run of a name: whole, or any beginning or end of one that no other has, or ``last``.

        Raises:
            StoreError: no such run, or several.
        """
        with self._reading() as database:
            return _row(_find(database.rows(f"SELECT {_COLUMNS} FROM runs ORDER BY number"), run_id, self.path))

    def document(self, run_id: str) -> dict[str, object]:
        """The run as a JSON document, whole or as far as it came, with its ``state``.

        Raises:
            StoreError: no such run, or it ended before there was anything to tell.
        """
        row = self.find(run_id)
        form: dict[str, object] = json.loads(self._one("SELECT document FROM documents", row, "run") or "null") or {}
        if not form:
            raise StoreError(f"run {row.id}", f"{row.state}, with nothing found out yet", "`tilewright resume` goes on")
        return {**form, "state": row.state.value}

    def request(self, run_id: str) -> dict[str, object]:
        """What it takes to run it again.

        Raises:
            StoreError: no such run.
        """
        found: dict[str, object] = json.loads(self._one("SELECT request FROM runs", self.find(run_id), "number"))
        return found

    def best(self, run_id: str) -> str | None:
        """The best proved file so far; ``None`` where nothing was proved.

        Raises:
            StoreError: no such run.
        """
        query = "SELECT text FROM runs JOIN texts ON sha256 = best_sha256"
        found = self._one(query, self.find(run_id), "number")
        return None if found is None else str(found)

    def _one(self, query: str, row: RunRow, column: str) -> Any:
        with self._reading() as database:
            found = database.rows(f"{query} WHERE {column} = (SELECT number FROM runs WHERE id = ?)", (row.id,))
        return found[0][0] if found else None

    def _database(self) -> Database:
        return Database(self.path, patience_s=self._patience_s)

    @contextmanager
    def _reading(self) -> Iterator[Database]:
        database = self._database()
        try:
            yield database
        finally:
            database.close()


def _new_id(created: datetime) -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(4))
    return f"{created:%Y%m%d-%H%M}-{letters}"


def _named(row: Any) -> dict[str, Any]:
    return dict(zip(_COLUMNS.split(", "), row, strict=True))


def _find(rows: Any, run_id: str, path: Path) -> dict[str, Any]:
    """The one row that a name means."""
    known = [_named(row) for row in rows]
    if run_id == LAST and known:
        return known[-1]
    exact = [row for row in known if row["id"] == run_id]
    near = [row for row in known if run_id and (row["id"].startswith(run_id) or row["id"].endswith(f"-{run_id}"))]
    found = exact or near
    if len(found) == 1:
        return found[0]
    if not known:
        raise StoreError(str(path), "no run has been kept yet", "`tilewright optimize` keeps each of its runs")
    if found:
        names = [row["id"] for row in found]
        what = f"{len(names)} runs begin like this, as {', '.join(names[-_SHOWN:])}"
        raise StoreError(f"run {run_id!r}", what, "write more of its name")
    names = difflib.get_close_matches(run_id, [row["id"] for row in known], n=_SHOWN, cutoff=0.5)
    guess = f"; did you mean {', '.join(names)}?" if names else ""
    raise StoreError(f"run {run_id!r}", f"no such run in {path}{guess}", "`tilewright runs` lists all of them")


def _state(row: Mapping[str, Any]) -> State:
    if row["finished"]:
        return State.FINISHED
    if row["owner_pid"] is None:
        return State.INTERRUPTED
    owner = Owner(pid=row["owner_pid"], start=row["owner_start"], system=row["owner_system"])
    return State.RUNNING if lives(owner) else State.INTERRUPTED


def _row(row: Mapping[str, Any]) -> RunRow:
    same = ("id", "path", "gpu", "device", "stage", "created_utc", "elapsed_s", "result")
    return RunRow(**{name: row[name] for name in same}, state=_state(row), best=row["best_words"])
