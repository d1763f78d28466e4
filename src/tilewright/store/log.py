"""What a run tells whoever keeps it, and asks back."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tilewright.records.build import Build, BuildFailure
from tilewright.records.schedule import Schedule

T = TypeVar("T")


class NullLog:
    """Keeps nothing: the log of a run that nobody will ask about again. :class:`RunLog` keeps everything.

    Attributes:
        id: the run's name; empty where it is not kept.
        request: what it takes to run it again.
        versions: of what it runs with.
        created_utc: when it began, as ``2026-01-31T12:34:56Z``; empty where it is not kept.
        elapsed_s: seconds that earlier sittings of the run took.
    """

    def __init__(self) -> None:
        self.id = ""
        self.request: Mapping[str, object] = {}
        self.versions: Mapping[str, str] = {}
        self.created_utc = ""
        self.elapsed_s = 0.0
        self._began = time.monotonic()

    @property
    def now_s(self) -> float:
        """Seconds that the run has taken so far, all sittings together."""
        return self.elapsed_s + time.monotonic() - self._began

    def candidate(self, text: str, *, kernel: str, stage: str, schedules: Sequence[Schedule]) -> str:
        """Keep a written file; return its sha256. A second time does nothing."""
        return hashlib.sha256(text.encode()).hexdigest()

    def build(self, sha256: str, build: Build | BuildFailure) -> None:
        """Keep what became of an entry of a candidate, or of the input. A second time does nothing."""

    def remember(self, kind: type[T], key: str, compute: Callable[[], T], *, candidate: str | None = None) -> T:
        """The recorded answer; where there is none, compute it, and record it in one transaction.

        Args:
            kind: the answer's class: Verdict, Comparison, Screening, Profile, or any other frozen record.
            key: what the answer depends on, as :func:`key_of` makes it.
            compute: finds the answer out; what it raises is not recorded.
            candidate: sha256 of the file that it is about.
        """
        return compute()

    def recall(self, kind: type[T], key: str) -> T | None:
        """The recorded answer, or ``None``."""
        return None

    def known_at_s(self, kind: type[object], key: str) -> float | None:
        """When the recorded answer was known, in seconds since the run began; ``None`` where there is none."""
        return None

    def best(self, text: str, words: str) -> None:
        """Keep the best proved file so far, and its gain in words."""

    def document(self, form: Mapping[str, object]) -> None:
        """Keep the run as a JSON document, in place of the one before."""

    def finish(self, document: Mapping[str, object]) -> None:
        """Keep the last document, and that the run has come to its end."""

    def release(self) -> None:
        """Let go of a run: it can be resumed, by this process too."""

    def withdraw(self) -> None:
        """Take a run out about which nothing was found: its input could not be used."""


def key_of(*parts: object) -> str:
    """SHA-256 of JSON values: the same for the same values, in every process."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
