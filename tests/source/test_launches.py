from pathlib import Path

import pytest

from tilewright.source import find_launches, parameters, read_request, replace_launch

HEAD = """import triton
import triton.language as tl
@triton.jit
def k(x_ptr, y_ptr, n, B: tl.constexpr, C: 'tl.constexpr' = 4):
    pass
"""


def test_the_launch_of_the_reference_prompt():
    text = read_request(str(Path(__file__).parents[2] / "examples/seed/prompt.txt")).source.text
    (site,) = find_launches(text)
    assert (site.kernel, site.function, site.grid, site.options, site.starred) == (
        "matmul_kernel", "triton_matmul", "grid", {}, ()
    )  # fmt: skip
    assert text.split("\n")[site.line - 1].strip() == "matmul_kernel[grid]("
    assert list(site.arguments) == [parameter.name for parameter in parameters(text, "matmul_kernel")]
    assert site.arguments["stride_am"] == "A.stride(1)"
    assert site.arguments["USE_FP32_ACC"] == "use_fp32_acc"


def test_positionals_keywords_options_and_stars():
    text = (
        HEAD + "def f(x, a, d):\n    k[lambda META: (1,)](x, *a, 3, B=2, num_stages=3, **d)\n    k[1, 2](x, x, 5, 16)\n"
    )
    first, second = find_launches(text)
    assert first.grid == "lambda META: (1,)"
    assert first.arguments == {"x_ptr": "x", "B": "2"}
    assert first.options == {"num_stages": "3"}
    assert first.starred == ("*a", "3", "**d")
    assert second.grid == "(1, 2)"
    assert second.arguments == {"x_ptr": "x", "y_ptr": "x", "n": "5", "B": "16"}


def test_parameters_know_constexpr_and_defaults():
    found = [(p.name, p.is_constexpr, p.default) for p in parameters(HEAD, "k")]
    assert found == [
        ("x_ptr", False, None), ("y_ptr", False, None), ("n", False, None), ("B", True, None), ("C", True, "4"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no kernel 'z' among k"):
        parameters(HEAD, "z")


def test_launches_are_found_wherever_they_stand_and_only_of_own_kernels():
    text = HEAD + (
        "class ModelNew:\n    def forward(self, x):\n        if x:\n            k[(1,)](x)\n"
        "        h = k[(2,)](x)\n        self.table[0](x)\n        other[(1,)](x)\n        return h\n"
    )
    assert [(s.function, s.grid, s.statement) for s in find_launches(text)] == [
        ("ModelNew.forward", "(1,)", True), ("ModelNew.forward", "(2,)", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        pytest.param(
            "    # launch\n    k[(1,)](x)\n",
            "a = 1\nk2[(a,)](x)",
            "    # launch\n    a = 1\n    k2[(a,)](x)\n",
            id="comment-kept",
        ),
        pytest.param(
            "    # old\n    k[(1,)](x)\n", "# new\nk2[(1,)](x)", "    # new\n    k2[(1,)](x)\n", id="comment-new"
        ),
        pytest.param(
            "    if x: k[(1,)](x)\n", "a = 1\nb = 2", "    if x:\n        a = 1\n        b = 2\n", id="one-line-if"
        ),
        pytest.param("    y = 1; k[(1,)](x)\n", "z = 2", "    y = 1\n    z = 2\n", id="semicolon"),
        pytest.param("    if x: y = 1; k[(1,)](x)\n", "z = 2", "    if x:\n        y = 1\n        z = 2\n", id="both"),
        pytest.param("    k[(1,)](x); y = 1\n", "z = 2", "    z = 2\n    y = 1\n", id="semicolon-after"),
        pytest.param(
            "    for i in x:\n        k[(1,)](x)\n",
            "if a:\n    b()",
            "    for i in x:\n        if a:\n            b()\n",
            id="block",
        ),
        pytest.param("\tk[(1,)](x)\n", "if a:\n    b()", "\tif a:\n\t    b()\n", id="tabs"),
    ],
)
def test_a_launch_is_replaced_at_its_indentation(before, new, after):
    text = HEAD + "def f(x):\n" + before
    assert replace_launch(text, find_launches(text)[0], new) == HEAD + "def f(x):\n" + after


def test_several_launches_are_replaced_from_the_last():
    text = HEAD + "def f(x):\n    k[(1,)](x)\n    k[(2,)](x)\n"
    for site in reversed(find_launches(text)):
        text = replace_launch(text, site, f"new{site.grid}")
    assert text == HEAD + "def f(x):\n    new(1,)\n    new(2,)\n"


def test_a_site_of_another_text_is_refused():
    text = HEAD + "def f(x):\n    k[(1,)](x)\n"
    site = find_launches(text)[0]
    with pytest.raises(ValueError, match="good only for their own text"):
        replace_launch("\n" + text, site, "pass")
    with pytest.raises(ValueError, match="no statements"):
        replace_launch(text, site, " ")
