"""A run's document as a page: every section computed, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilewright.report.page.basis import basis_of
from tilewright.report.page.conditions_info import conditions_block
from tilewright.report.page.diff_info import diff_block
from tilewright.report.page.findings_info import changes_block, diagnosis_block, tried_block
from tilewright.report.page.history_info import history_block
from tilewright.report.page.metrics_info import metrics_block
from tilewright.report.page.model import Page
from tilewright.report.page.proof_info import proof_block
from tilewright.report.page.reading import cleaned, part, text
from tilewright.report.page.roofline_info import roofline_block
from tilewright.report.page.stages_info import stages_block
from tilewright.report.page.summary_info import headline, subtitle, summary_block, title


def page_info(document: Mapping[str, Any]) -> Page:
    """Everything that a report of a run shows; what the document lacks is said in its section.

    Args:
        document: a run as docs/json.md describes it, with ``texts``, ``certificate``, ``versions`` and
            ``created_utc`` where the store has them.
    """
    basis = basis_of(cleaned(document))
    blocks = (
        summary_block(basis),
        stages_block(basis),
        roofline_block(basis),
        history_block(basis),
        metrics_block(basis),
        diagnosis_block(basis),
        changes_block(basis),
        diff_block(basis),
        proof_block(basis, certificate=part(document, "certificate")),
        tried_block(basis),
        conditions_block(basis),
    )
    stated = (part(basis.document, "versions"), part(basis.document, "certificate", "versions"))
    version = next((f" {one}" for form in stated if (one := text(form, "tilewright"))), "")
    return Page(
        title=title(basis),
        subtitle=subtitle(basis),
        headline=headline(basis),
        blocks=blocks,
        footer=f"Made by Tilewright{version}. This page needs no network and runs no script.",
    )
