"""A run's document as HTML or Markdown, whole or for a notebook. Jinja and Pygments are imported only from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tilewright.records.estimate import Provenance
from tilewright.records.trial import Run
from tilewright.report import words
from tilewright.report.change_info import total


@dataclass(frozen=True, slots=True, kw_only=True)
class Speedup:
    """The input's time over the output's: above 1 is a gain. As text never without its interval."""

    value: float
    low: float
    high: float
    provenance: Provenance

    def __str__(self) -> str:
        return f"x{self.value:.2f} {words.interval(self.low, self.high, digits=2)} {self.provenance.value}"


def speedup_of(run: Run) -> Speedup | None:
    """What the run brought; ``None`` where the input goes back, or where the gain of the whole file is not known."""
    if run.winner is None:
        return None
    if run.measured is not None:
        if run.measured.comparison is None:
            return None
        found = run.measured.comparison.ratio
        return Speedup(value=found.value, low=found.low, high=found.high, provenance=Provenance.MEASURED)
    gain = total(run)
    if gain is None:
        return None
    return Speedup(value=gain.ratio, low=gain.low, high=gain.high, provenance=Provenance.PREDICTED)


def optimized_html(document: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        document: a run as docs/json.md describes it, with what a kept run has besides where it is there.
    """
    from tilewright.report.page import page_info, render_page

    return render_page(page_info(document))


def optimized_frame(document: Mapping[str, Any]) -> str:
    """The whole page within another one, as a notebook shows it: in a frame, so that neither's style reaches the
    other, and that may run nothing."""
    from tilewright.report.page import page_info, render_frame

    return render_frame(page_info(document))


def optimized_markdown(document: Mapping[str, Any]) -> str:
    """The same for a pull request, no longer than one comment may be."""
    from tilewright.report.markdown import render_markdown
    from tilewright.report.page import page_info

    return render_markdown(page_info(document))
