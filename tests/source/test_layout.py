import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.errors import SourceError
from tilewright.source import format_source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("x = 1   \n\n\n\n\ny = 2", "x = 1\n\n\ny = 2\n", id="runs-of-blanks"),
        pytest.param("import a\nx = 1\n", "import a\n\nx = 1\n", id="after-imports"),
        pytest.param("import a\ndef f(): pass\nx = 1\n", "import a\n\n\ndef f(): pass\n\n\nx = 1\n", id="definitions"),
        pytest.param(
            "x = 1\n# why\n\n@d\ndef f(): pass\n", "x = 1\n\n\n# why\n\n@d\ndef f(): pass\n", id="comment-above"
        ),
        pytest.param(
            "class A:\n    x = 1\n    def f(self): pass\n    def g(self): pass\n",
            "class A:\n    x = 1\n\n    def f(self): pass\n\n    def g(self): pass\n",
            id="methods",
        ),
        pytest.param(
            "def f():\n    a = 1\n    \n\t\n    return a\n", "def f():\n    a = 1\n\n    return a\n", id="in-a-block"
        ),
        pytest.param("f(a, \n  b,  \n)\n", "f(a,\n  b,\n)\n", id="in-brackets"),
        pytest.param(
            'def f():\n    """A.  \n    \n    B.  """\n', 'def f():\n    """A.\n\n    B.  """\n', id="docstring"
        ),
        pytest.param('x = """a  \n\n\n\nb"""\n', 'x = """a  \n\n\n\nb"""\n', id="other-strings"),
        pytest.param("# top  \n\n\n\n\nx = 1\n\n\n# end\n\n\n", "# top\n\n\nx = 1\n\n\n# end\n", id="comments"),
        pytest.param("", "", id="empty"),
    ],
)
def test_layout(before, after):
    assert format_source(before) == after
    assert format_source(after) == after


def test_what_is_not_python_is_refused():
    with pytest.raises(SourceError, match="not valid Python"):
        format_source("def f(:\n")


_LINES = st.lists(
    st.sampled_from(
        ["import a", "x = 1  ", "# note  ", "", "   ", "def f():\n    # in\n\n\n\n    y = 2 \n\n    # out",
         "class A:\n    z = 1",
         "@d\ndef g(a,  \n      b): pass", "s = '''k  \n\n\n\n'''", "if x:\n    pass\nelse:\n\n    q = 1"]
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(_LINES)
def test_layout_keeps_the_meaning_and_is_stable(lines):
    text = "\n".join(lines) + "\n"
    after = format_source(text)
    assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(text))
    assert format_source(after) == after
    assert after == "" or (after.endswith("\n") and not after.endswith("\n\n"))
    assert [line.strip() for line in after.split("\n") if "#" in line] == [
        line.strip() for line in text.split("\n") if "#" in line
    ]
