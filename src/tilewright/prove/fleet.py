"""One file in several workers at once: parent side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tilewright.prove.results import Result
from tilewright.prove.session import Case, Generated, Host, Session

_COMPILE, _LARGE = 10.0, 8.0
"""What an instance's first call, which compiles, and a call at the real size cost, in calls of a small problem."""


class Fleet:
    """Sessions of one file, among which the instances of its calls are dealt out.

    Calls of one instance stay together and in order, since what a call leaves behind is to meet the next.
    """

    def __init__(self, hosts: Sequence[Host], text: str, class_name: str, *, seed: int, timeout_s: float) -> None:
        self._sessions = [Session(host, text, class_name, seed=seed, timeout_s=timeout_s) for host in hosts]
        self._home: dict[str, int] = {}
        self._load = [0.0] * len(self._sessions)

    def close(self) -> None:
        """Remove all arrays."""
        for session in self._sessions:
            session.close()

    def run(self, cases: Sequence[Case]) -> dict[str, Result]:
        """Run ``cases``; in each worker nothing runs after a case that did not end."""
        self._deal(cases)
        parts: list[list[Case]] = [[] for _ in self._sessions]
        for case in cases:
            parts[self._home[case.instance]].append(case)
        busy = [(session, part) for session, part in zip(self._sessions, parts, strict=True) if part]
        if len(busy) == 1:
            return busy[0][0].run(busy[0][1], stop_at_crash=True)
        results: dict[str, Result] = {}
        with ThreadPoolExecutor(max(1, len(busy))) as threads:
            for found in threads.map(lambda one: one[0].run(one[1], stop_at_crash=True), busy):
                results.update(found)
        return {case.name: results[case.name] for case in cases}

    def _deal(self, cases: Sequence[Case]) -> None:
        """Give each new instance to the worker that has least to do, the longest first."""
        weights: dict[str, float] = {}
        for case in cases:
            if case.instance not in self._home:
                large = _LARGE if isinstance(case.values, Generated) else 1.0
                weights[case.instance] = weights.get(case.instance, _COMPILE) + large
        for instance in sorted(weights, key=weights.__getitem__, reverse=True):
            home = min(range(len(self._load)), key=self._load.__getitem__)
            self._home[instance] = home
            self._load[home] += weights[instance]
