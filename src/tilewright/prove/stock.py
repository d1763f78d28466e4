"""Workers for candidates, one ready ahead of its use."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from tilewright.prove import host
from tilewright.prove.prover import cuda_worker, interpreter_worker
from tilewright.prove.session import CUDA, INTERPRETER
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.workers import Worker

_NUMBERS = frozenset(
    {"outputs", "value", "shape", "dtype", "written", "equal", "finite", "NaN and Inf positions", "strides", "device"}
    | {"input kept", "stale result", "cached result", "earlier output kept", "bits repeat"}
    | {"kernels ran", "kernels matter", "torch compute"}
)
"""Checks that fail by what a model computes and keeps; others say that its code reached further."""


def only_numbers(verdict: Verdict) -> bool:
    """Whether a candidate was seen to do nothing in its process but to compute, rightly or not."""
    if verdict.status is Status.UNDECIDED:
        return False
    return all(_is_number(check) for check in verdict.checks if not check.passed)


def _is_number(check: Check) -> bool:
    if check.name == "runs":
        # an exception unwinds what it leaves; a crash leaves no process, and one that is overdue leaves a bad one
        return "raises" in check.detail
    return check.name in _NUMBERS or ": " in check.name


class Stock:
    """Groups of workers of one kind. A group serves one candidate; the next group starts meanwhile where asked for."""

    def __init__(
        self,
        device: str,
        *,
        group: int,
        ahead: bool,
        memory_fraction: float | None = None,
        architecture: int | None = None,
    ) -> None:
        """Make an empty stock; see :meth:`start`.

        Args:
            device: ``none`` or ``cuda``.
            group: workers that share a candidate's calls.
            ahead: whether to start the next group while the last one is in use.
            memory_fraction: part of a GPU's memory that each may take, so that the oracle keeps room; ``None``: all.
            architecture: capability that workers on a GPU compile for, as 89; ``None``: the device's own.
        """
        self._jobs = CUDA if device == "cuda" else INTERPRETER
        self._group, self._ahead, self._fraction = group, ahead, memory_fraction
        self._architecture = architecture
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="tilewright-stock")
        self._next: Future[list[Worker]] | None = None
        self._out: list[Worker] = []

    def start(self) -> None:
        """Start a group if there is none."""
        if not self._out and self._next is None:
            self._next = self._threads.submit(self._make)

    def take(self) -> Sequence[Worker]:
        """The group in use, or a fresh one after :meth:`discard`.

        Raises:
            InputError: the device does not start.
        """
        if not self._out:
            self.start()
            assert self._next is not None
            coming, self._next = self._next, None
            self._out = coming.result()
            if self._ahead:
                self._next = self._threads.submit(self._make)
        return self._out

    def discard(self) -> None:
        """End the group in use: what ran there may have left something behind."""
        out, self._out = self._out, []
        for worker in out:
            worker.close()

    def close(self) -> None:
        """End all workers."""
        self.discard()
        self._threads.shutdown(wait=True)
        if self._next is not None:
            with contextlib.suppress(Exception):
                for worker in self._next.result():
                    worker.close()

    def _make(self) -> list[Worker]:
        cuda = self._jobs == CUDA
        made = [cuda_worker(self._architecture) if cuda else interpreter_worker() for _ in range(self._group)]
        try:
            if cuda:
                with ThreadPoolExecutor(len(made)) as threads:
                    list(threads.map(lambda worker: host.warm(worker, memory_fraction=self._fraction), made))
        except BaseException:
            for worker in made:
                worker.close()
            raise
        return made
