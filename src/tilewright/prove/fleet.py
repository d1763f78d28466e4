"""One file in several workers at once: parent side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tilewright.prove.problems import strides_of
from tilewright.prove.results import Result
from tilewright.prove.session import CUDA, Case, Generated, Host, Session

_COMPILE, _LARGE = 10.0, 8.0
"""What compiling a kernel's binary, and a call at the real size, cost, in calls of a small problem."""
_ALL_CONFIGURATIONS = 3.0
"""Binaries that a tuning call compiles, about: how many there are is known only after a call."""
_LARGE_BYTES = 1 << 22
_ENDED = ("ran", "raised")
_ALIGNED = 16
Told = Callable[[Mapping[str, Result]], None]


class Fleet:
    """Sessions of one file, among which the instances of its calls are dealt out.

    Calls of one instance stay together and in order, since what a call leaves behind is to meet the next. Instances
    that probably need the same binaries go to one worker where that is faster, as each worker compiles for itself.
    """

    def __init__(self, hosts: Sequence[Host], text: str, class_name: str, *, seed: int, timeout_s: float) -> None:
        self._sessions = [Session(host, text, class_name, seed=seed, timeout_s=timeout_s) for host in hosts]
        self._compiles = any(host.jobs == CUDA for host in hosts)
        self._home: dict[str, int] = {}
        self._instances: dict[str, str] = {}
        self._load = [0.0] * len(self._sessions)
        self._cases: list[dict[str, object]] = [{} for _ in self._sessions]
        self._binaries: list[set[object]] = [set() for _ in self._sessions]

    def close(self) -> None:
        """Remove all arrays."""
        with ThreadPoolExecutor(len(self._sessions)) as threads:
            list(threads.map(Session.close, self._sessions))

    def parts(self) -> list[dict[str, object]]:
        """Where each worker's seconds went so far, as the parent saw it and as the worker says."""
        return [
            {
                **{part: round(seconds, 3) for part, seconds in session.parts_s.items()},
                "cases": dict(self._cases[number]),
            }
            for number, session in enumerate(self._sessions)
        ]

    def run(self, cases: Sequence[Case], told: Told = lambda ended: None) -> dict[str, Result]:
        """Run ``cases``; in each worker nothing runs after a case that did not end.

        Args:
            cases: in order, as far as one instance's are concerned.
            told: given results as they come, from several threads, those of real size first where workers share the
                work: to compare them takes time.
        """
        self._deal(cases)
        self._instances.update({case.name: case.instance for case in cases})
        parts: list[list[Case]] = [[] for _ in self._sessions]
        for case in cases:
            parts[self._home[case.instance]].append(case)
        busy = [(session, part) for session, part in zip(self._sessions, parts, strict=True) if part]
        if len(self._sessions) == 1:
            results = busy[0][0].run(busy[0][1], stop_at_crash=True)
            self._note(results)
            told(results)
            return results
        results = {}
        with ThreadPoolExecutor(max(1, len(busy))) as threads:
            for found in threads.map(lambda one: _run_in_turn(one[0], one[1], told), busy):
                results.update(found)
        self._note(results)
        return {case.name: results[case.name] for case in cases}

    def _note(self, results: Mapping[str, Result]) -> None:
        homes = {name: self._home[instance] for name, instance in self._instances.items()}
        for name, result in results.items():
            self._cases[homes[name]][name] = result.parts_s

    def _deal(self, cases: Sequence[Case]) -> None:
        """Give each new instance to the worker that is done with it first, the longest first."""
        calls: dict[str, float] = {}
        needed: dict[str, tuple[object, float]] = {}
        for case in cases:
            if case.instance not in self._home:
                calls[case.instance] = calls.get(case.instance, 0.0) + (_LARGE if _is_large(case) else 1.0)
                needed.setdefault(case.instance, _binary(case, compiles=self._compiles))

        def done(worker: int, instance: str) -> float:
            binary, compiling = needed[instance]
            return self._load[worker] + calls[instance] + (0.0 if binary in self._binaries[worker] else compiling)

        for instance in sorted(calls, key=lambda name: calls[name] + needed[name][1], reverse=True):
            home = min(range(len(self._load)), key=lambda worker: done(worker, instance))
            self._load[home] = done(home, instance)
            self._binaries[home].add(needed[instance][0])
            self._home[instance] = home


def _run_in_turn(session: Session, cases: Sequence[Case], told: Told) -> dict[str, Result]:
    """Calls of real size first, then the small ones, last what tries all configurations."""
    results: dict[str, Result] = {}
    large = {case.instance for case in cases if _is_large(case)}
    tuning = {case.instance for case in cases if case.first_call}
    lost = False
    for some in (
        [case for case in cases if case.instance in large],
        [case for case in cases if case.instance not in large | tuning],
        [case for case in cases if case.instance in tuning],
    ):
        if lost:
            found = {case.name: Result(kind="not_run", error="an earlier case failed") for case in some}
        else:
            found = session.run(some, stop_at_crash=True) if some else {}
        lost = lost or any(result.kind not in _ENDED for result in found.values())
        results.update(found)
        told(found)
    return results


def _is_large(case: Case) -> bool:
    if isinstance(case.values, Generated):
        return True
    return any(isinstance(value, np.ndarray) and value.nbytes >= _LARGE_BYTES for value in case.values)


def _binary(case: Case, *, compiles: bool) -> tuple[object, float]:
    """What Triton tells binaries apart by, as far as it follows from the call, and what compiling them costs."""
    if not compiles:
        # the interpreter does it for each instance, so to say: what weighs there is the calls themselves
        return case.instance, _COMPILE
    kinds: list[object] = [case.config, case.first_call, *case.dtypes]
    for spec in case.problem.inputs:
        if spec.dtype == "python":
            kinds.append(spec.name)
        else:
            numbers = (*spec.shape, *strides_of(spec), math.prod(spec.shape), spec.offset)
            kinds.append(tuple(_specialised(number) for number in numbers))
    return tuple(kinds), _COMPILE * (_ALL_CONFIGURATIONS if case.first_call else 1.0)


def _specialised(number: int) -> str:
    return "one" if number == 1 else "aligned" if number % _ALIGNED == 0 else "any"
