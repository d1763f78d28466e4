"""The input with one Schedule a kernel, as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tilewright.capture import capture
from tilewright.errors import InputError
from tilewright.families import Plan
from tilewright.records.launch import Capture, Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Refusal
from tilewright.search.analyse import Analysed
from tilewright.search.changes import kernel_docstring
from tilewright.search.session import Session


class Composer:
    """Writes candidates, always from the input: equal schedules give equal files, in whatever order they were found.

    Attributes:
        source: the input.
        kernels: its kernels by name, each by its slowest launch, with the family that rewrites it.
    """

    def __init__(self, source: KernelSource, inputs: Capture, analysed: Sequence[Analysed], session: Session) -> None:
        self.source, self.kernels = source, dict[str, Analysed]()
        self._inputs, self._session = inputs, session
        for one in sorted(analysed, key=_predicted_us, reverse=True):
            self.kernels.setdefault(one.lifted.launch.kernel, one)

    def schedule_of(self, kernel: str) -> Schedule:
        """The input's own."""
        return self.kernels[kernel].lifted.schedule

    def text(self, plans: Mapping[str, Plan], *, footnote: str = "") -> str | Refusal:
        """The file in which each kernel that ``plans`` names runs by its plan, and every other one as in the input.

        Args:
            plans: kernel to its schedule, or to the entries of an autotune list.
            footnote: a sentence more for each rewritten kernel's docstring.
        """
        source = self.source
        for kernel in (name for name in source.kernels if name in plans):
            one = self.kernels[kernel]
            note = kernel_docstring(one, plans[kernel])
            note = f"{note}\n{footnote}" if footnote else note
            text = one.family.emit(source, one.lifted, plans[kernel], docstring=note)
            if isinstance(text, Refusal):
                return text
            source = replace(source, text=text, first_line=1)
        return source.text

    def read(self, text: str) -> KernelSource:
        """A written file, as a source."""
        return replace(self.source, text=text, first_line=1)

    def capture(self, text: str) -> Capture | Refusal:
        """What a written file launches on the input's shapes."""
        try:
            found = capture(
                self.read(text),
                target=self._session.target,
                worker=self._session.capture_worker,
                inputs=self._inputs.inputs,
                init_arguments=self._inputs.init_arguments,
            )
        except InputError as error:
            return Refusal(what="capture", reason=f"the written file does not run: {error}")
        return found

    def launches(self, found: Capture, kernel: str) -> list[Launch]:
        """The launches of one kernel in a written file."""
        return [launch for launch in found.launches if launch.kernel == kernel]


def _predicted_us(one: Analysed) -> float:
    return one.analysis.estimate.time_us if one.analysis.estimate else 0.0
