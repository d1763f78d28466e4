"""What a stand needs of a device: worker side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Launch = Callable[[], Any]
"""One call of a file's model on inputs that are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A first look at a call that has settled."""

    call_us: float
    host_us: float
    """Wall clock that the host takes to issue it."""
    after_us: float
    """How long the device stays busy after the call's own stream is done."""
    waits: bool
    """Whether the call waits for the device, so that the host can never be ahead of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timed call."""

    us: float
    ahead: bool
    """Whether the host had issued all of the call before the device began with it."""


class Clock(Protocol):
    """Where calls are timed. Made before any file is imported, and for the life of the process."""

    device: str
    """What ``Tensor.to`` takes."""
    threads: int
    """Files that may be compiled side by side."""
    spoiled: bool
    """Whether a failed capture has left a process that had better not go on."""

    def describe(self) -> dict[str, Any]:
        """Name, free memory and versions of what calls run on."""

    def seed(self, seed: int) -> None:
        """Set the generators that a file can draw from."""

    def free_bytes(self) -> int:
        """Memory for inputs."""

    def finish(self) -> None:
        """Wait until the device has done everything."""

    def tidy(self) -> None:
        """Give back memory that nothing uses."""

    def probe(self, call: Launch) -> Probed:
        """Look at a call before it is timed."""

    def block(self, calls: Sequence[Launch], *, cold: bool) -> list[Sample]:
        """Time ``calls`` one after the other: each after a flush of the caches, or else after itself."""

    def more_time(self) -> None:
        """Give the host more time to issue a call before the device begins with it: it has been too late."""

    def issue(self, call: Launch, count: int) -> list[float]:
        """Wall clock in us that the host takes for each of ``count`` calls."""

    def captured(self, call: Launch) -> Launch:
        """The call as a graph to be replayed.

        Raises:
            Exception: it cannot be captured.
        """

    def lost(self, error: BaseException) -> bool:
        """Whether ``error`` left a device that cannot be used any more."""
