"""Draw a page as one HTML file. No arithmetic: what is drawn was computed before."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from tilewright.report.page import model
from tilewright.report.page.model import Page

_FOLDER = "templates"


def render_page(page: Page) -> str:
    """Return the page: everything in it, every text escaped, nothing that a browser would run or fetch."""
    style = (files("tilewright.report.page") / _FOLDER / "style.css").read_text(encoding="utf-8")
    return _environment().get_template("page.html.jinja").render(page=page, style=style, style_hash=_hash(style))


def render_frame(page: Page) -> str:
    """Return the page in a frame that another page can hold."""
    return _environment().get_template("frame.html.jinja").render(page=page, whole=render_page(page))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tilewright.report.page", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["a"] = lambda part, name: isinstance(part, getattr(model, name))
    return environment


def _hash(style: str) -> str:
    """What a Content-Security-Policy allows as the only style."""
    return base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
