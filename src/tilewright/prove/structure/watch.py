"""Watch one candidate file from its import through its calls: worker side.

Everything here runs in the candidate's own process, so what it tells is a claim; the parent draws the conclusions in
:mod:`tilewright.prove.structure.judge`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tilewright.prove.structure import launches, tensors
from tilewright.prove.structure.activity import Activity, StreamLog, children, counts, deaf, thread_count
from tilewright.prove.structure.operations import DispatchMode, FunctionMode, OperationLog
from tilewright.prove.structure.snapshot import Snapshot, preload


class Watch:
    """The observer of one candidate file.

    Make it before the file is imported and inside the contexts (``device.cuda_on_cpu``, ``tuning``) that stay open
    for as long as the file lives, but outside those that a call opens (``arithmetic``): what differs afterwards is
    taken for the candidate's doing. Not for use while time is taken: every PyTorch call passes through Python.
    """

    def __init__(self, source_path: str) -> None:
        preload()
        self.source_path = source_path
        self._classes = tensors.subclasses()
        self._activity = Activity(source_path)
        self._activity.listen()
        self._threads, self._children = thread_count(), children()
        self._overwritten: set[str] = set()
        self._told: dict[str, Any] = {}
        self._patched: list[str] = []
        self._subclass: list[str] = []
        with deaf():
            self._snapshot = Snapshot()

    def close(self) -> None:
        """Watch no longer; what the file leaves running is not seen any more."""
        self._activity.stop()

    @contextlib.contextmanager
    def call(self, no_op: bool = False) -> Iterator[None]:
        """Observe one call of the model.

        Args:
            no_op: every launch of every kernel does nothing, so that outputs keep what fresh memory held. Triton's
                tuner times these launches as well, so the call comes after an ordinary one of the same shapes.
        """
        operations, streams = OperationLog(), StreamLog()

        def launched(values: tuple[Any, ...]) -> None:
            operations.launched(values)
            streams.look()

        log = launches.LaunchLog(self.source_path, no_op=no_op, on_launch=launched)
        operations.inside_launch = lambda: log.depth > 0
        streams.paused = lambda: log.trials > 0
        events = dict(self._activity.events)
        try:
            ours = [*launches.replacements(log), *streams.replacements(), *self._activity.replacements()]
            with (
                self._replaced(ours),
                launches.listening(log),
                FunctionMode(operations),
                DispatchMode(operations),
            ):
                yield
        finally:
            new_threads, new_processes = counts(self._activity.events, events)
            self._told = {
                "launches": log.told(),
                "torch_ops": operations.told(),
                "threads": max(new_threads, thread_count() - self._threads),
                "processes": max(new_processes, len(children() - self._children)),
                "streams": len(streams.used),
                "stream_names": sorted(streams.used),
                "atomics": log.atomics,
            }

    def seen(self, *, look: bool = True) -> dict[str, Any]:
        """Return what the last call did, as JSON values; ask outside of the contexts that the call needed.

        Args:
            look: whether to compare everything with the snapshot, which takes tens of milliseconds; where not,
                ``patched`` and ``subclass`` are those of the last look.

        Keys: ``launches`` (kernel, own, count), ``torch_ops`` (op, elements, total, count, factor, workspace),
        ``threads``, ``processes``, ``streams``, ``stream_names`` and ``atomics`` of the last call; ``patched``,
        ``subclass`` and ``events`` (audit event to count) since this watch was made.
        """
        if look:
            self._patched, self._subclass = self.patched(), tensors.foreign(tensors.subclasses() - self._classes)
        return {
            **self._told,
            "patched": self._patched,
            "subclass": self._subclass,
            "events": dict(sorted(self._activity.events.items())),
        }

    def patched(self) -> list[str]:
        """Return the full names of functions, classes and settings that are not what they were at the start."""
        with deaf():
            return sorted({*self._snapshot.replaced(), *self._overwritten})

    @contextlib.contextmanager
    def _replaced(self, replacements: list[tuple[Any, str, Any]]) -> Iterator[None]:
        """Set attributes inside the context; one that is not ours at the end was overwritten by the candidate."""
        before = [(owner, name, vars(owner).get(name)) for owner, name, _ in replacements]
        for owner, name, value in replacements:
            setattr(owner, name, value)
        try:
            yield
        finally:
            for (owner, name, original), (_, _, ours) in zip(before, replacements, strict=True):
                if vars(owner).get(name) is not ours:
                    full = f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else owner.__name__
                    self._overwritten.add(f"{full}.{name}")
                setattr(owner, name, original)


odd_tensors = tensors.odd_tensors
