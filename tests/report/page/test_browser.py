"""The page in a real browser: nothing wider than the screen, both palettes, paper. Skipped where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tilewright.report.page import page_info, render_page

Document = dict[str, Any]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]
PROBE = """<!DOCTYPE html><body style="margin:0">
<iframe id="f" style="border:0;width:{width}px;height:900px" src="page.html"></iframe><pre id="out"></pre><script>
document.getElementById("f").onload = () => {{
  const page = document.getElementById("f").contentDocument, root = page.documentElement;
  for (const one of page.querySelectorAll("details")) one.open = true;
  const shown = element => element.getClientRects().length > 0;
  const wide = [...page.body.querySelectorAll("*")].filter(element =>
    shown(element) && !element.closest(".table") && !element.closest("svg") &&
    element.getBoundingClientRect().right > {width} + 1);
  const small = [...page.querySelectorAll("svg text")].filter(shown).map(element =>
    parseFloat(getComputedStyle(element).fontSize) * element.ownerSVGElement.getBoundingClientRect().width /
    element.ownerSVGElement.viewBox.baseVal.width);
  const texts = [...page.querySelectorAll("svg text.label")].filter(shown).map(element => [
    element.textContent, element.getBoundingClientRect(), element.ownerSVGElement]);
  const over = [];
  for (const [a, p, s] of texts) for (const [b, q, t] of texts) if (a < b && s === t &&
    p.left < q.right && q.left < p.right && p.top + 2 < q.bottom - 2 && q.top + 2 < p.bottom - 2)
    over.push(a + " / " + b);
  document.getElementById("out").textContent = JSON.stringify({{
    scroll: root.scrollWidth, inner: {width}, wide: wide.map(element => element.tagName + "." + element.className),
    smallest: Math.min(99, ...small), over, charts: [...page.querySelectorAll("svg[role=img]")].filter(shown).length,
    background: getComputedStyle(page.body).backgroundColor, color: getComputedStyle(page.body).color }});
}};
</script>"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.xdist_group("chromium"),
]


def browse(folder: Path, *arguments: str) -> str:
    command = [CHROMIUM or "", *QUIET, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def probed(document: Document, folder: Path, *, width: int, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the page measures in a window of that width, asked from the page around it: it runs no script itself."""
    import html
    import json

    (folder / "page.html").write_text(render_page(page_info(document)), encoding="utf-8")
    (folder / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    url = (folder / "probe.html").as_uri()
    dom = browse(folder, "--allow-file-access-from-files", "--dump-dom", "--virtual-time-budget=4000", *arguments, url)
    found = re.search(r'<pre id="out">(.+?)</pre>', dom, re.DOTALL)
    assert found is not None, dom[-500:]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(measured: Document, tmp_path: Path, width: int) -> None:
    found = probed(measured, tmp_path, width=width)
    assert found["wide"] == []
    assert found["scroll"] <= width
    assert found["charts"] == 3
    assert found["over"] == []
    assert found["smallest"] >= 11.0


def test_a_phone_takes_an_unbroken_line(predicted: Document, tmp_path: Path) -> None:
    predicted["texts"]["output"] += f"\nx = '{'y' * 600}'\n"
    predicted["reason"] = "z" * 300
    found = probed(predicted, tmp_path, width=390)
    assert (found["wide"], found["scroll"]) == ([], 390)


def test_light_and_dark_have_contrast(measured: Document, tmp_path: Path) -> None:
    seen = []
    for scheme in (1, 0):
        setting = (f"--blink-settings=preferredColorScheme={scheme}",)
        found = probed(measured, tmp_path, width=1280, arguments=setting)
        levels = [luminance(found[name]) for name in ("background", "color")]
        assert (max(levels) + 0.05) / (min(levels) + 0.05) > 7.0
        seen.append(levels[0])
    assert seen[0] > 0.9
    assert seen[1] < 0.1


def luminance(color: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    parts = [int(one) / 255 for one in re.findall(r"\d+", color)[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_prints_on_a_few_pages(measured: Document, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(render_page(page_info(measured)), encoding="utf-8")
    browse(
        tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'page.pdf'}", (tmp_path / "page.html").as_uri()
    )
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes()))
    assert 3 <= pages <= 12
