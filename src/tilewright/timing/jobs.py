"""Jobs of a worker that times files, by a clock that it is told of; see :class:`~tilewright.timing.stand.Stand`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tilewright.timing.clock import Clock
from tilewright.timing.stand import Answer, Stand

_clock: Callable[[], Clock] | None = None
_stand: Stand | None = None


def use(clock: Callable[[], Clock]) -> None:
    """Time by ``clock``, which is made with the first job: making it may start a device."""
    global _clock, _stand
    _clock, _stand = clock, None


def _here() -> Stand:
    global _stand
    if _stand is None:
        assert _clock is not None, "use() comes first"
        _stand = Stand(_clock())
    return _stand


def describe() -> Answer:
    """See :meth:`Stand.describe`."""
    return _here().describe()


def begin(**given: Any) -> Answer:
    """See :meth:`Stand.begin`."""
    return _here().begin(**given)


def warm(**given: Any) -> Answer:
    """See :meth:`Stand.warm`."""
    return _here().warm(**given)


def load(**given: Any) -> Answer:
    """See :meth:`Stand.load`."""
    return _here().load(**given)


def measure(**given: Any) -> Answer:
    """See :meth:`Stand.measure`."""
    return _here().measure(**given)


def issue(**given: Any) -> Answer:
    """See :meth:`Stand.issue`."""
    return _here().issue(**given)


def replay(**given: Any) -> Answer:
    """See :meth:`Stand.replay`."""
    return _here().replay(**given)


def forget(**given: Any) -> Answer:
    """See :meth:`Stand.forget`."""
    return _here().forget(**given)
