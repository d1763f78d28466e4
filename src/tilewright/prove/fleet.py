"""One file in several workers at once: parent side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tilewright.prove.results import Result
from tilewright.prove.session import Case, Host, Session


class Fleet:
    """Sessions of one file, among which the instances of its calls are dealt out.

    Calls of one instance stay together and in order, since what a call leaves behind is to meet the next.
    """

    def __init__(self, hosts: Sequence[Host], text: str, class_name: str, *, seed: int, timeout_s: float) -> None:
        self._sessions = [Session(host, text, class_name, seed=seed, timeout_s=timeout_s) for host in hosts]
        self._home: dict[str, int] = {}

    def close(self) -> None:
        """Remove all arrays."""
        for session in self._sessions:
            session.close()

    def run(self, cases: Sequence[Case]) -> dict[str, Result]:
        """Run ``cases``; in each worker nothing runs after a case that did not end."""
        parts: list[list[Case]] = [[] for _ in self._sessions]
        for case in cases:
            # instances are met in order of their importance, so that the first worker is no fuller than the others
            home = self._home.setdefault(case.instance, len(self._home) % len(parts))
            parts[home].append(case)
        busy = [(session, part) for session, part in zip(self._sessions, parts, strict=True) if part]
        if len(busy) == 1:
            return busy[0][0].run(busy[0][1], stop_at_crash=True)
        results: dict[str, Result] = {}
        with ThreadPoolExecutor(max(1, len(busy))) as threads:
            for found in threads.map(lambda one: one[0].run(one[1], stop_at_crash=True), busy):
                results.update(found)
        return {case.name: results[case.name] for case in cases}
