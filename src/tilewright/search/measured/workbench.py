"""What a measured run does to a GPU, as the loop sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tilewright.records.launch import Capture
from tilewright.records.profile import Profile
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.timing import Comparison, Screening
from tilewright.records.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Untimed:
    """A comparison that could not be made, and why."""

    reason: str


class Workbench(Protocol):
    """One GPU with what proves, times and profiles on it. Nothing here decides anything."""

    @property
    def device(self) -> str:
        """The GPU's name as its driver gives it."""

    @property
    def notes(self) -> Sequence[str]:
        """What does not work here, one sentence each."""

    def prepare(self, capture: Capture, uncompilable_dtypes: Sequence[str]) -> None:
        """Start to run the input and the reference, which takes seconds, while candidates are still being built.

        Args:
            capture: of the input's forward call: the shapes that everything runs on.
            uncompilable_dtypes: float dtypes that the input does not compile for.
        """

    def screen(self, baseline: str, candidates: Sequence[str], *, limit_s: float) -> Sequence[Screening]:
        """Look at each candidate's time quickly, beside the baseline's; one for each, in their order."""

    def prove(self, candidate: str, *, dtypes: Sequence[str] = ()) -> Verification:
        """Prove a file against the input, in the input's own dtype and in ``dtypes``."""

    def compare(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """Time two files against each other until the difference is plain."""

    def confirm(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """The same in a process that has seen neither file."""

    def profile(self, source: KernelSource, stages: Sequence[Stage]) -> Profile | None:
        """The metrics of the input or of a proved file: the core set and those of ``stages``, in one go, since starting
        the process takes longer than reading more counters; ``None`` where the profiler does not work."""
