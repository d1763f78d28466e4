"""A launch through a local name becomes launches of the kernels it may stand for."""

from __future__ import annotations

import pytest

from tilewright.source.aliases import with_named_launches
from tilewright.source.launches import find_launches

HEAD = """\
import triton


@triton.jit
def small(x, n):
    pass


@triton.jit
def large(x, n):
    pass


"""
BRANCHED = """\
def run(x, n):
    if n > 64:
        kernel = large
    else:
        kernel = small
    grid = (n,)
    kernel[grid](
        x,  # the tensor
        n, num_warps=4,
    )
    return x
"""


def test_a_branch_for_each_kernel() -> None:
    found = with_named_launches(HEAD + BRANCHED)
    assert (
        found.removeprefix(HEAD)
        == """\
def run(x, n):
    if n > 64:
        kernel = large
    else:
        kernel = small
    grid = (n,)
    if kernel is large:
        large[grid](
            x,  # the tensor
            n, num_warps=4,
        )
    else:
        small[grid](
            x,  # the tensor
            n, num_warps=4,
        )
    return x
"""
    )
    assert [site.kernel for site in find_launches(found)] == ["large", "small"]
    assert find_launches(HEAD + BRANCHED) == ()


def test_a_conditional_expression_and_a_method() -> None:
    text = "class Run:\n    def go(self, x, n):\n        k = large if n > 64 else small\n        k[(n,)](x, n)"
    found = with_named_launches(HEAD + text)
    assert [(site.kernel, site.function) for site in find_launches(found)] == [("large", "Run.go"), ("small", "Run.go")]
    compile(found, "file.py", "exec")


@pytest.mark.parametrize(
    "body",
    [
        "    small[(n,)](x, n)\n",
        "    k = make(n)\n    k[(n,)](x, n)\n",
        "    k = small\n    k = make(k)\n    k[(n,)](x, n)\n",
        "    k = small\n    for k in (small, large):\n        k[(n,)](x, n)\n",
        "    global k\n    k = small\n    k[(n,)](x, n)\n",
        "    k = small\n    return k[(n,)](x, n)\n",
        "    k = small\n    k[(n,)](x, n); k[(n,)](x, n)\n",
        "    small = x\n    k = small\n    k[(n,)](x, n)\n",
        "    k, other = small, large\n    k[(n,)](x, n)\n",
    ],
)
def test_what_may_be_something_else_stays(body: str) -> None:
    text = f"{HEAD}def run(x, n):\n{body}"
    assert with_named_launches(text) == text


def test_an_argument_that_is_a_kernel_stays() -> None:
    text = f"{HEAD}def run(kernel, x, n):\n    if n:\n        kernel = small\n    kernel[(n,)](x, n)\n"
    assert with_named_launches(text) == text
