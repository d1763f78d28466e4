"""The processes and the target that one run works with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from tilewright.capture import PRELOAD as CAPTURE_PRELOAD
from tilewright.compiler import default_cache
from tilewright.prove import interpreter_worker
from tilewright.records.progress import Progress
from tilewright.records.target import Target
from tilewright.store import NullLog
from tilewright.workers import Pool, Worker

OnStep: TypeAlias = Callable[[str | Progress], None]
"""Told what is being done: in a few words, or how far a run has come."""


class Session:
    """Opens worker processes when they are first needed, and ends them with the ``with`` block.

    A session that ``interprets`` starts the process of proofs in the interpreter at once.

    Attributes:
        target: the GPU that everything is built and estimated for.
        cache: folder of finished builds; by default that of the user.
        log: keeps what is found out, and knows what was; by default nothing.
    """

    def __init__(
        self,
        target: Target,
        *,
        cache: Path | None = None,
        on_step: OnStep | None = None,
        log: NullLog | None = None,
        interprets: bool = True,
    ) -> None:
        self.target = target
        self.log = NullLog() if log is None else log
        self.cache = default_cache() if cache is None else cache
        self._interprets = interprets
        self._on_step = on_step or (lambda step: None)
        self._pool: Pool | None = None
        self._capture: Worker | None = None
        self._proof: Worker | None = None
        self._candidate: Worker | None = None

    def __enter__(self) -> Session:
        # Importing torch and Triton takes seconds: both workers start it now, while the parent reads and lints.
        self._capture = Worker(preload=CAPTURE_PRELOAD)
        if self._interprets:
            self._proof = interpreter_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._pool, self._capture, self._proof, self._candidate):
            if each is not None:
                each.close()

    def say(self, step: str) -> None:
        """Tell whoever watches what is being done, in a few words."""
        self._on_step(step)

    def show(self, progress: Progress) -> None:
        """Tell whoever watches how far the run has come."""
        self._on_step(progress)

    @property
    def pool(self) -> Pool:
        """Workers for builds."""
        if self._pool is None:
            self._pool = Pool(preload=("tilewright.compiler.job",))
        return self._pool

    @property
    def capture_worker(self) -> Worker:
        """Where the wrapper runs against the recording driver."""
        if self._capture is None:
            self._capture = Worker(preload=CAPTURE_PRELOAD)
        return self._capture

    @property
    def proof_worker(self) -> Worker:
        """Where the input and the oracle run in Triton's interpreter."""
        if self._proof is None:
            self._proof = interpreter_worker()
        return self._proof

    @property
    def candidate_worker(self) -> Worker:
        """Where candidates run in Triton's interpreter, apart from the input and the oracle."""
        if self._candidate is None:
            self._candidate = interpreter_worker()
        return self._candidate
