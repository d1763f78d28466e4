"""The page as HTML: whole, without a network, and with nothing in it that a browser would run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tilewright.prove.certificate import read_certificate
from tilewright.report.page import page_info, render_page

Document = dict[str, Any]
VOID = {"meta", "rect", "line", "circle", "path", "polyline"}
HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</style></code></div>",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "safe \u202e desrever \u2066 \u200b \x00 \x1b[31m \ud800",
]


class Read(HTMLParser):
    """Every tag with its attributes, and whether they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Read:
    parser = Read()
    parser.feed(page)
    parser.close()
    return parser


def hostile(value: Any, text: str) -> Any:
    """The document with a hostile text added to each of its texts, keys of maps left alone."""
    if isinstance(value, dict):
        return {key: hostile(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item, text) for item in value]
    return f"{value}{text}" if isinstance(value, str) and value not in ("finished", "improved") else value


def test_tags_nest_and_ids_are_unique(document: Document) -> None:
    found = read(render_page(page_info(document)))
    assert found.faults == []
    assert found.open == []
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {name for _, attributes in found.tags for name in (attributes.get("aria-labelledby") or "").split()}
    assert named <= set(ids)
    assert {(attributes.get("href") or "")[1:] for tag, attributes in found.tags if tag == "a"} - set(ids) <= {
        *((attributes.get("href") or "")[1:] for tag, attributes in found.tags if "download" in attributes)
    }


def test_nothing_is_fetched_or_run(document: Document) -> None:
    page = render_page(page_info(document))
    found = read(page)
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "img", "image", "use"}
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset")], tag
        target = attributes.get("href", "#")
        assert target is not None
        assert target.startswith(("#", "data:application/gzip;base64,")), target
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_allows_this_style_and_nothing_else(predicted: Document) -> None:
    page = render_page(page_info(predicted))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policies = [
        attributes["content"]
        for tag, attributes in read(page).tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_gets_out_of_its_place(measured: Document, text: str) -> None:
    plain = read(render_page(page_info(measured)))
    page = render_page(page_info(hostile(measured, text)))
    found = read(page)
    assert found.faults == []
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    page.encode("utf-8")
    assert not set("\u202e\u2066\u200b\x00\x1b") & set(page)
    assert "49" not in "".join(found.text) or "49" in "".join(plain.text)


def test_hidden_characters_are_written_out(predicted: Document) -> None:
    predicted["texts"]["output"] += "\n# \u202eyas"
    assert "\u27e8U+202E\u27e9yas" in "".join(read(render_page(page_info(predicted))).text)


def test_both_files_are_in_the_page_line_by_line(predicted: Document) -> None:
    text = "".join(read(render_page(page_info(predicted))).text)
    for line in [*predicted["texts"]["input"].split("\n"), *predicted["texts"]["output"].split("\n")]:
        assert line in text


def test_the_certificate_in_the_page_can_be_repeated(predicted: Document, tmp_path: Path) -> None:
    found = read(render_page(page_info(predicted)))
    url = next(attributes["href"] for _, attributes in found.tags if "download" in attributes)
    assert url is not None
    (tmp_path / "c.json").write_bytes(gzip.decompress(base64.b64decode(url.partition(",")[2])))
    assert read_certificate(str(tmp_path / "c.json")).sha256 == predicted["certificate"]["sha256"]
    assert json.loads((tmp_path / "c.json").read_text())["candidate"]["text"] == predicted["texts"]["output"]


def test_the_same_document_gives_the_same_page(document: Document) -> None:
    assert render_page(page_info(document)) == render_page(page_info(document))


def test_a_page_stays_small(document: Document) -> None:
    assert len(render_page(page_info(document)).encode()) < 300_000


def test_every_chart_is_named_and_described(measured: Document) -> None:
    page = render_page(page_info(measured))
    assert page.count('role="img"') == 6
    assert page.count("<desc ") == 6
    assert page.count("<h1>") == 1
    assert '<html lang="en">' in page
    tables = page.count("<table")
    assert tables == page.count("<caption>") > 4
