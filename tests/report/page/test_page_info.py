"""What a page says of a run, and that it says why where it has nothing to say."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.report.page import Page, page_info
from tilewright.report.page.model import Block, Chart, Dot, Drawing, Facts, Fold, Grid, Part, Points, Sentence

Document = dict[str, Any]
KEYS = ["summary", "stages", "roofline", "history", "metrics", "diagnosis", "changes", "code", "proof", "tried"]


def block(page: Page, key: str) -> Block:
    return next(one for one in page.blocks if one.key == key)


def parts(found: Block | Fold) -> Iterator[Part]:
    for part in found.parts:
        yield part
        if isinstance(part, Fold):
            yield from parts(part)


def words(found: Block) -> str:
    """Every word of a section, charts left out."""
    said: list[str] = []
    for part in parts(found):
        if isinstance(part, Sentence):
            said.append(part.text)
        elif isinstance(part, Points):
            said += part.items
        elif isinstance(part, Facts):
            said += [f"{label}: {text}" for label, text in part.rows]
        elif isinstance(part, Grid):
            said += [part.caption, *part.columns, *(" | ".join(row) for row in part.rows)]
    return "\n".join(said)


def charts(page: Page) -> dict[str, Chart]:
    return {part.name: part for one in page.blocks for part in parts(one) if isinstance(part, Chart)}


def test_every_section_is_there_and_says_something(document: Document) -> None:
    page = page_info(document)
    assert [one.key for one in page.blocks] == [*KEYS, "conditions"]
    assert all(one.parts for one in page.blocks)


def test_headline_of_a_measured_run(measured: Document) -> None:
    head = page_info(measured).headline
    assert (head.verdict, head.figure, head.provenance) == ("IMPROVED", "x3.02", "measured")
    assert head.interval == "[3.01, 3.03]"


def test_headline_of_a_predicted_run(predicted: Document) -> None:
    page = page_info(predicted)
    assert (page.headline.verdict, page.headline.figure, page.headline.provenance) == ("IMPROVED", "x1.25", "predicted")
    assert "interval includes 1" in words(block(page, "summary"))


def test_headline_of_an_unchanged_run(unchanged: Document) -> None:
    page = page_info(unchanged)
    assert (page.headline.verdict, page.headline.figure) == ("UNCHANGED", "")
    assert page.headline.sentence == "No candidate could be proved."
    assert "character by character" in words(block(page, "code"))
    assert "nothing to prove" in words(block(page, "proof"))
    assert "refuted" in words(block(page, "tried"))


def test_headline_of_an_interrupted_run(interrupted: Document) -> None:
    page = page_info(interrupted)
    assert page.headline.verdict == "UNFINISHED"
    assert "1 candidate was proved and kept" in page.headline.sentence
    assert "no output yet" in words(block(page, "code"))


@pytest.mark.parametrize("state", ["running", "interrupted"])
def test_a_run_that_the_store_calls_unfinished_has_no_result(predicted: Document, state: str) -> None:
    assert page_info(predicted | {"state": state}).headline.verdict == "UNFINISHED"


def test_measured_and_predicted_never_share_a_series(measured: Document, predicted: Document) -> None:
    for document, own, other in ((measured, "measured", "predicted"), (predicted, "predicted", "measured")):
        for chart in charts(page_info(document)).values():
            kinds = {mark.kind for mark in chart.wide.marks if not isinstance(mark, str) and hasattr(mark, "kind")}
            kinds |= {key.kind for key in chart.keys}
            assert not [kind for kind in kinds if kind.endswith(other)], chart.name
            assert [kind for kind in kinds if own in kind], chart.name


def test_no_ratio_stands_without_its_interval(document: Document) -> None:
    page = page_info(document)
    for one in page.blocks:
        said = words(one) + "".join(chart.description for chart in charts(page).values())
        assert not re.findall(r"\bx\d+\.\d+\b(?! \[\d)", said)


def test_stages_in_the_chart_are_those_with_a_ratio(measured: Document) -> None:
    page = page_info(measured)
    chart = charts(page)["stages"]
    assert [chart.description.count(name) for name in ("grid_and_parallel", "block_tiling", "whole run")] == [0, 1, 1]
    table = words(block(page, "stages"))
    assert "grid_and_parallel | skipped | -" in table
    assert "memory_access | reverted | x0.99" in table


def test_bars_end_where_their_ratio_is(measured: Document) -> None:
    drawing = charts(page_info(measured))["stages"].wide
    ticks = {tick.label: tick.at for tick in drawing.x_ticks}
    bars = [mark for mark in drawing.marks if type(mark).__name__ == "Bar"]
    whole = bars[-1]
    assert whole.x == ticks["1"]
    assert ticks["3"] < whole.x + whole.width < ticks["3"] + 8


def test_roofline_places_both_files_under_the_roof(measured: Document) -> None:
    page = page_info(measured)
    drawing = charts(page)["roofline"].wide
    dots = {mark.kind: mark for mark in drawing.marks if isinstance(mark, Dot)}
    assert set(dots) == {"input-measured", "output-measured"}
    assert dots["output-measured"].y < dots["input-measured"].y
    # 2 * 2048 * 4096 * 8192 operations in 863 us, of 494.7 TFLOP/s
    assert "159.3 TFLOP/s" in words(block(page, "roofline")) or "159.3" in words(block(page, "roofline"))
    assert "32.2 % [" in words(block(page, "roofline"))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (("kernels", 0, "algorithm", "operations"), "its code was not lifted"),
        (("gpu", "peak_tflops"), "older version"),
        (("kernels",), "No launch was read"),
    ],
)
def test_a_roofline_that_cannot_be_drawn_says_why(measured: Document, path: tuple[Any, ...], why: str) -> None:
    inner: Any = measured
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = type(inner[path[-1]])()
    assert why in words(block(page_info(measured), "roofline"))


def test_history_steps_down_with_each_kept_candidate(measured: Document) -> None:
    chart = charts(page_info(measured))["history"]
    drawing = chart.wide
    kept = [mark for mark in drawing.marks if isinstance(mark, Dot) and mark.kind == "output-measured"]
    lost = [mark for mark in drawing.marks if isinstance(mark, Dot) and mark.kind == "lost-measured"]
    assert [dot.y for dot in kept] == sorted(dot.y for dot in kept)
    assert (len(kept), len(lost)) == (3, 7)
    assert [dot.shape for dot in lost].count("triangle") == 1
    assert "beyond the axis" in next(dot.title for dot in lost if dot.shape == "triangle")


def test_a_change_that_a_later_one_replaced_was_the_best_in_its_time(measured: Document) -> None:
    """A measured run's accepted trials are the last of each kernel: earlier ones stay in the history."""
    taken = [trial for trial in measured["trials"] if trial["accepted"]]
    before = words(block(page_info(measured), "tried"))
    for trial in taken[:-1]:
        trial["accepted"] = False
    page = page_info(measured)
    marks = charts(page)["history"].wide.marks
    assert len([mark for mark in marks if isinstance(mark, Dot) and mark.kind == "output-measured"]) == len(taken)
    assert words(block(page, "tried")) == before


def test_history_of_a_run_that_kept_no_times_is_in_order(predicted: Document) -> None:
    assert "in order" in charts(page_info(predicted))["history"].wide.x_label


def test_metrics_are_held_against_their_targets(measured: Document) -> None:
    said = words(block(page_info(measured), "metrics"))
    assert "37.6 % | 71.3 % | at least 60 % | up by 33.7 points; reaches the target" in said
    assert "18.2 % | 24.9 % | at least 50 % | up by 6.7 points; misses the target" in said
    assert "2,610 us | 863 us | none fixed | down by 67 %" in said


def test_metrics_that_were_handed_in_are_of_the_input_alone(predicted: Document) -> None:
    said = words(block(page_info(predicted), "metrics"))
    assert "the output was not run on a GPU" in said
    assert "not measured after" not in said


def test_clocks_and_versions(measured: Document) -> None:
    said = words(block(page_info(measured), "conditions"))
    assert "SM clock, MHz | 1,830 | 1,965 | 1,980" in said
    assert "software power cap" in said
    assert "torch: 2.11.0" in said or "torch: 2" in said
    assert "graph: replayed" in said


def test_nothing_at_all_is_still_a_page() -> None:
    page = page_info({})
    assert page.headline.verdict == "UNFINISHED"
    assert all(one.parts for one in page.blocks)
    assert not charts(page)


def test_drawings_stay_within_their_frame(document: Document) -> None:
    for chart in charts(page_info(document)).values():
        for drawing in (chart.wide, chart.narrow):
            assert not list(_outside(drawing)), chart.name


def _outside(drawing: Drawing) -> Iterator[object]:
    for mark in drawing.marks:
        x, y = getattr(mark, "x", drawing.left), getattr(mark, "y", drawing.top)
        if not (0 <= x <= drawing.width and 0 <= y <= drawing.height):
            yield mark


def _damaged(value: Any, path: tuple[int, ...], put: Any) -> Any:
    """The value with what stands at the path, counted from either end, replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return put
    keys = sorted(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(keys)]
    value[key] = _damaged(value[key], path[1:], put)
    return value


@settings(max_examples=60, deadline=None)
@given(
    path=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    put=st.sampled_from([None, "text", -1, 0, 1e300, float("nan"), [], {}, [None], {"value": 0.0}, True]),
    which=st.booleans(),
)
def test_a_damaged_document_is_still_a_page(path: list[int], put: Any, which: bool) -> None:
    document = copy.deepcopy(_SMALL[which])
    _damaged(document, tuple(path), put)
    assert [one.key for one in page_info(document).blocks][:3] == KEYS[:3]


_SMALL: dict[bool, Document] = {}


@pytest.fixture(autouse=True, scope="module")
def _small(request: pytest.FixtureRequest) -> None:
    """Documents for damage, without their texts, which take long to compare."""
    from pathlib import Path
    from runpy import run_path

    made = run_path(str(Path(__file__).with_name("conftest.py")))
    for which, name in ((False, "predicted_document"), (True, "measured_document")):
        _SMALL[which] = made[name]() | {"texts": {"input": "a = 1\n", "output": "a = 2\n"}, "certificate": None}
