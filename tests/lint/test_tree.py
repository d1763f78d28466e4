from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilewright.lint.tree import Edit, apply_edits


@given(st.lists(st.text(alphabet="ab é", max_size=6), min_size=1, max_size=6), st.data())
def test_edits_change_their_own_places_and_nothing_else(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    edits, expected = [], []
    for number, line in enumerate(lines, start=1):
        start = data.draw(st.integers(0, len(line)))
        end = data.draw(st.integers(start, len(line)))
        new = data.draw(st.text(alphabet="xy", max_size=3))
        edits.append(Edit((number, start), (number, end), new))
        expected.append(line[:start] + new + line[end:])
    assert apply_edits(text, tuple(edits)) == "\n".join(expected)
