"""A run's document as HTML or Markdown. Jinja and Pygments are imported here alone, by those who ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilewright.report.markdown import render_markdown
from tilewright.report.page import page_info, render_page


def optimized_html(document: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        document: a run as docs/json.md describes it, with what a kept run has besides where it is there.
    """
    return render_page(page_info(document))


def optimized_markdown(document: Mapping[str, Any]) -> str:
    """The same for a pull request, no longer than one comment may be."""
    return render_markdown(page_info(document))
