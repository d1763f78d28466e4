"""One run in a store, for the process that works on it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar

from tilewright.errors import StoreError
from tilewright.records.build import Build, BuildFailure
from tilewright.records.profile import Profile
from tilewright.records.schedule import Schedule
from tilewright.records.timing import Comparison, Screening
from tilewright.records.verdict import Verdict
from tilewright.store.database import Database
from tilewright.store.log import NullLog

T = TypeVar("T")
_TABLES = {"Verdict": "verdicts", "Comparison": "timings", "Screening": "timings", "Profile": "profiles"}


class RunLog(NullLog):
    """Keeps a run: every answer in a transaction of its own, written as soon as it is known.

    Only one process can hold a run. Of several threads each may write.
    """

    def __init__(self, database: Database, *, number: int, sitting: int) -> None:
        super().__init__()
        self._database, self._number, self._sitting = database, number, sitting
        (row,) = database.rows(
            "SELECT id, request, versions, created_utc, elapsed_s FROM runs WHERE number = ?", (number,)
        )
        self.id, self.created_utc, self.elapsed_s = row[0], row[3], row[4]
        self.request, self.versions = json.loads(row[1]), json.loads(row[2])

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the store itself is what failed, its error is on its way already; the run counts as interrupted then.
        with suppress(StoreError):
            self.release()
        self._database.close()

    def candidate(self, text: str, *, kernel: str, stage: str, schedules: Sequence[Schedule]) -> str:
        """See :meth:`NullLog.candidate`."""
        from tilewright.store import forms

        sha256 = super().candidate(text, kernel=kernel, stage=stage, schedules=schedules)
        entries = json.dumps(forms.to_form(tuple(schedules)), allow_nan=False)
        with self._writing() as connection:
            _keep_text(connection, sha256, text)
            connection.execute(
                "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (self._number, sha256, kernel, stage, entries, self.now_s),
            )
        return sha256

    def build(self, sha256: str, build: Build | BuildFailure) -> None:
        """See :meth:`NullLog.build`."""
        from tilewright.store import forms

        values = (self._number, sha256, forms.digest(build), build.kernel, isinstance(build, Build))
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO builds VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (*values, forms.to_json(build))
            )

    def remember(self, kind: type[T], key: str, compute: Callable[[], T], *, candidate: str | None = None) -> T:
        """See :meth:`NullLog.remember`."""
        found = self.recall(kind, key)
        if found is not None:
            return found
        answer = compute()
        self._keep(kind.__name__, key, answer, candidate)
        return answer

    def recall(self, kind: type[T], key: str) -> T | None:
        """See :meth:`NullLog.recall`."""
        from tilewright.store import forms

        found = self._answer(kind, key, "record")
        return None if found is None else forms.from_json(kind, found)

    def known_at_s(self, kind: type[object], key: str) -> float | None:
        """See :meth:`NullLog.known_at_s`."""
        found = self._answer(kind, key, "at_s")
        return None if found is None else float(found)

    def best(self, text: str, words: str) -> None:
        """See :meth:`NullLog.best`."""
        sha256 = super().candidate(text, kernel="", stage="", schedules=())
        with self._writing() as connection:
            _keep_text(connection, sha256, text)
            connection.execute(
                "UPDATE runs SET best_sha256 = ?, best_words = ? WHERE number = ?", (sha256, words, self._number)
            )

    def document(self, form: Mapping[str, object]) -> None:
        """See :meth:`NullLog.document`."""
        with self._writing() as connection:
            self._keep_document(connection, form)

    def finish(self, document: Mapping[str, object]) -> None:
        """See :meth:`NullLog.finish`."""
        with self._writing() as connection:
            self._keep_document(connection, document)
            connection.execute(
                "UPDATE runs SET finished = 1, result = ?, owner_pid = NULL WHERE number = ?",
                (str(document.get("result") or ""), self._number),
            )

    def release(self) -> None:
        """See :meth:`NullLog.release`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET owner_pid = NULL, elapsed_s = ? WHERE number = ? AND sitting = ? AND finished = 0",
                (self.now_s, self._number, self._sitting),
            )

    def withdraw(self) -> None:
        """See :meth:`NullLog.withdraw`."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM runs WHERE number = ? AND sitting = ? AND finished = 0 "
                "AND number NOT IN (SELECT run FROM documents) AND number NOT IN (SELECT run FROM candidates)",
                (self._number, self._sitting),
            )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of the run's present holder, with the time that the run has taken so far."""
        with self._database.transaction() as connection:
            held = connection.execute(
                "UPDATE runs SET elapsed_s = max(elapsed_s, ?) WHERE number = ? AND sitting = ?",
                (self.now_s, self._number, self._sitting),
            )
            if held.rowcount != 1:
                what = f"run {self.id} was taken over, or taken out, by another process"
                raise StoreError(str(self._database.path), what, "let that one go on")
            yield connection

    def _keep_document(self, connection: sqlite3.Connection, form: Mapping[str, object]) -> None:
        text = json.dumps(form, allow_nan=False)
        connection.execute(
            "INSERT INTO documents VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
            (self._number, text),
        )

    def _keep(self, kind: str, key: str, answer: Any, candidate: str | None) -> None:
        from tilewright.store import forms

        values: dict[str, object] = {
            "run": self._number,
            "kind": kind,
            "key": key,
            "candidate": candidate,
            "at_s": self.now_s,
            "record": forms.to_json(answer),
            **_columns(answer),
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        table = _TABLES.get(kind, "answers")
        with self._writing() as connection:
            connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", tuple(values.values())
            )

    def _answer(self, kind: type[object], key: str, column: str) -> Any:
        table = _TABLES.get(kind.__name__, "answers")
        found = self._database.rows(
            f"SELECT {column} FROM {table} WHERE run = ? AND kind = ? AND key = ?", (self._number, kind.__name__, key)
        )
        return found[0][0] if found else None


def _keep_text(connection: sqlite3.Connection, sha256: str, text: str) -> None:
    connection.execute("INSERT INTO texts VALUES (?, ?) ON CONFLICT DO NOTHING", (sha256, text))


def _columns(answer: object) -> dict[str, object]:
    """What a row says beside the record, for whoever looks for it with SQL."""
    if isinstance(answer, Verdict):
        return {"status": answer.status.value, "reason": answer.reason}
    if isinstance(answer, Comparison):
        ratio = answer.ratio
        return {"outcome": answer.decision.value, "ratio": ratio.value, "low": ratio.low, "high": ratio.high}
    if isinstance(answer, Screening):
        quick = answer.ratio
        numbers = {} if quick is None else {"ratio": quick.value, "low": quick.low, "high": quick.high}
        return {"outcome": answer.error, **numbers}
    return {"origin": answer.origin} if isinstance(answer, Profile) else {}
