"""A run that was kept, as a page or as Markdown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from tilewright.api.options import choice
from tilewright.errors import InputError
from tilewright.report import optimized_html, optimized_markdown
from tilewright.store import LAST, Store


class Format(StrEnum):
    """How a report is written."""

    HTML = "html"
    MARKDOWN = "markdown"


def render_report(
    run: str = LAST,
    *,
    output_format: Format | str = Format.HTML,
    store: str | os.PathLike[str] | None = None,
) -> str:
    """Return the report of a run: one HTML file that needs no network, or Markdown for a pull request.

    Args:
        run: its name in the store, the beginning or the last letters of it, or ``last``; or a file that
            ``optimize --json`` wrote.
        output_format: ``html`` or ``markdown``.
        store: the file that keeps runs; ``None``: the user's own.

    Raises:
        InputError: no such run, or no such file, or it holds no run.
    """
    return render_document(_document(run, store), output_format)


def render_document(document: Mapping[str, Any], output_format: Format | str) -> str:
    """The report of a run's document, as "Run" and "Kept run" in docs/json.md describe it.

    Raises:
        InputError: no such format.
    """
    wanted = choice(Format, output_format, "--format")
    return optimized_html(document) if wanted is Format.HTML else optimized_markdown(document)


def _document(run: str, store: str | os.PathLike[str] | None) -> Mapping[str, Any]:
    if run.endswith(".json") or Path(run).is_file():
        return _file(run)
    return Store(Store.default_path() if store is None else Path(store)).document(run)


def _file(path: str) -> Mapping[str, Any]:
    remedy = "give a run's name, or a file that `tilewright optimize --json` wrote"
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or 'no such file').lower()}; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON; {remedy}") from error
    if not isinstance(found, dict) or found.get("kind") != "run":
        raise InputError(f"{path}: holds no run; {remedy}")
    return found
