"""Side by side: every line once, alike ones in one row, changes marked by words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.report.page.diff_info import CONTEXT, side_by_side
from tilewright.report.page.highlight import pieces, token_runs
from tilewright.report.page.model import CodeRow, Piece, SideBySide

LINES = st.lists(
    st.sampled_from(["a = 1", "b = 2", "", "    return a", "x" * 30, "  ", '"""', "c = tl.dot(a, b)"]), max_size=30
)


def rows(found: SideBySide) -> list[CodeRow]:
    return [row for block in found.blocks for row in block.rows]


def plain(shown: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in shown)


@settings(max_examples=80, deadline=None)
@given(left=LINES, right=LINES)
def test_every_line_of_both_files_is_there_once_and_in_order(left: list[str], right: list[str]) -> None:
    found = rows(side_by_side("\n".join(left), "\n".join(right)))
    for number, shown, lines in (("left_number", "left", left), ("right_number", "right", right)):
        own = [row for row in found if getattr(row, number)]
        assert [int(getattr(row, number)) for row in own] == list(range(1, max(1, len(lines)) + 1))
        assert [plain(getattr(row, shown)) for row in own] == (lines or [""])
    for row in found:
        assert (row.kind == "same") == (
            plain(row.left).rstrip() == plain(row.right).rstrip() and bool(row.left_number and row.right_number)
        )


def test_alike_lines_meet_and_only_what_changed_is_marked() -> None:
    before = "def f(x):\n    y = load(x, 64)\n    return y"
    after = "def f(x):\n    z = 0\n    y = load(x, 128)\n    return y"
    found = [row for row in rows(side_by_side(before, after)) if row.kind != "same"]
    assert [(row.kind, row.left_number, row.right_number) for row in found] == [
        ("added", "", "2"),
        ("changed", "2", "3"),
    ]
    marked = [[piece.text for piece in shown if piece.marked] for shown in (found[1].left, found[1].right)]
    assert marked == [["64"], ["128"]]


def test_unchanged_stretches_are_folded_but_for_a_few_lines() -> None:
    before = [f"line_{index} = {index}" for index in range(40)]
    after = [*before[:20], "new = 1", *before[20:]]
    blocks = side_by_side("\n".join(before), "\n".join(after)).blocks
    folded = [block for block in blocks if block.summary]
    assert [block.summary for block in folded] == [
        "17 unchanged lines, from line 1 on",
        "17 unchanged lines, from line 24 on",
    ]
    assert [len(block.rows) for block in blocks if not block.summary] == [CONTEXT, 1, CONTEXT]


def test_a_great_rewrite_is_shown_as_removed_then_added() -> None:
    before, after = ("\n".join(f"{name}{index}()" for index in range(300)) for name in ("old", "new"))
    kinds = [row.kind for row in rows(side_by_side(before, after))]
    assert kinds == ["removed"] * 300 + ["added"] * 300


def test_code_is_highlighted_by_token() -> None:
    line = '@jit\ndef f(a):  # note\n    return "s" + 1'
    classes = [[name for _, _, name in runs] for runs in token_runs(line)]
    assert classes == [["td"], ["tk", "tf", "tc"], ["tk", "ts", "ts", "ts", "tn"]] or classes[0] == ["td"]
    assert {"tk", "tf", "tc"} <= set(classes[1])


@given(st.text(alphabet="ab\"'#\\()[]{}\n\t @é", max_size=60))
def test_what_is_no_python_is_plain_and_whole(text: str) -> None:
    lines = text.split("\n")
    runs = token_runs(text)
    for line, own in zip(lines, runs, strict=False):
        assert plain(pieces(line, own)) == line
