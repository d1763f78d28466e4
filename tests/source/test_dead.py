from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.source import drop_dead_assignments, drop_unused_imports, find_launches, read_request, replace_launch


def swept(body: str) -> str:
    text = "def f(x, n):\n" + "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    lines = drop_dead_assignments(text, "f").split("\n")[1:-1]
    return "\n".join(line.removeprefix("    ") for line in lines)


def test_the_wrapper_of_the_reference_prompt_comes_out_clean():
    text = read_request(str(Path(__file__).parents[2] / "examples/seed/prompt.txt")).source.text
    text = replace_launch(text, find_launches(text)[0], "matmul_kernel[(M * N,)](A, B, C, M, N, K)")
    wrapper = drop_dead_assignments(text, "triton_matmul")
    wrapper = wrapper[wrapper.index("    assert A.dim()") : wrapper.index("class ModelNew")]
    code = [line for line in wrapper.split("\n") if line.strip()]
    assert code == [
        "    assert A.dim() == 2 and B.dim() == 2",
        "    # Extract dimensions",
        "    K1, M = A.shape  # A is (K, M) in original",
        "    N, K2 = B.shape  # B is (N, K) in original",
        "    # For A.T @ B.T, we need A.T shape (M, K) and B.T shape (K, N)",
        "    # K must match: K from A.T columns and B.T rows",
        '    assert K1 == K2, f"Dimension mismatch: A.shape={A.shape}, B.shape={B.shape}"',
        "    K = K1",
        "    # Create output tensor",
        "    C = torch.empty((M, N), device=A.device, dtype=A.dtype)",
        "    # Launch kernel",
        "    matmul_kernel[(M * N,)](A, B, C, M, N, K)",
        "    return C",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("a = 1\nreturn n", "return n", id="constant"),
        pytest.param("a = n\nb = a + 1\na = min(a, b)\nreturn n", "return n", id="reads-itself"),
        pytest.param("a, b = x.shape\nreturn a", "a, b = x.shape\nreturn a", id="unpack-half-used"),
        pytest.param("a, (b, c) = 1, (2, 3)\nreturn n", "return n", id="unpack-unused"),
        pytest.param("# why\na = 1  # how\n\nreturn n", "\nreturn n", id="comments-go-too"),
        pytest.param("if n > 1:\n    a = 1\nelif n:\n    a = 2\nelse:\n    a = 3\nreturn n", "return n", id="empty-if"),
        pytest.param(
            "from triton.tools.tensor_descriptor import TensorDescriptor as D\nb = [n, 1]\n"
            "d = D.from_tensor(x, b)\ne = D(x, x.shape, x.stride(), [n, 64])\nreturn n",
            "from triton.tools.tensor_descriptor import TensorDescriptor as D\nreturn n",
            id="descriptors",
        ),
        pytest.param("if n: a = 1\nreturn n", "return n", id="one-line-if"),
        pytest.param("if n: a = 1; b = 2\nreturn b", "if n: a = 1; b = 2\nreturn b", id="one-line-if-used"),
        pytest.param("if n:\n    a = 1\nelse:\n    b = 2\nreturn b", "if not n:\n    b = 2\nreturn b", id="else-stays"),
        pytest.param(
            "if n > 1:\n    a = 1\nelse:\n    b = 2\nreturn b",
            "if not (n > 1):\n    b = 2\nreturn b",
            id="else-of-comparison",
        ),
        pytest.param("if n:\n    b = 1\nelse:\n    a = 2\nreturn b", "if n:\n    b = 1\nreturn b", id="else-goes"),
        pytest.param(
            "if n:\n    a = 1\nelif x:\n    b = 2\nreturn b",
            "if n:\n    pass\nelif x:\n    b = 2\nreturn b",
            id="elif-stays",
        ),
        pytest.param("if g():\n    a = 1\nreturn n", "if g():\n    pass\nreturn n", id="test-with-a-call"),
        pytest.param("a = g(n)\nreturn n", "a = g(n)\nreturn n", id="other-call"),
        pytest.param("a = g(b := n)\nreturn n", "a = g(b := n)\nreturn n", id="walrus"),
        pytest.param("a = x.contiguous()\nreturn n", "a = x.contiguous()\nreturn n", id="other-method"),
        pytest.param("a = x.stride(0) + x.size(1)\nreturn n", "return n", id="pure-methods"),
        pytest.param("a = g(n).stride(0)\nreturn n", "a = g(n).stride(0)\nreturn n", id="pure-method-of-a-call"),
        pytest.param("a = n\nassert a\nreturn n", "a = n\nassert a\nreturn n", id="assert"),
        pytest.param("a = n\nraise E(a)", "a = n\nraise E(a)", id="raise"),
        pytest.param("a = n\na += 1\nreturn a", "a = n\na += 1\nreturn a", id="augmented-used"),
        pytest.param("a = 1\na += 1\nreturn n", "return n", id="augmented-unused"),
        pytest.param("a = x\na += 1\nreturn x", "a = x\na += 1\nreturn x", id="augmented-alias"),
        pytest.param("n += 1\nreturn x", "n += 1\nreturn x", id="augmented-parameter"),
        pytest.param("x.a = 1\nx[0] = 2\nreturn n", "x.a = 1\nx[0] = 2\nreturn n", id="stores"),
        pytest.param("a = 1\ngrid = lambda META: (a,)\nreturn n", "return n", id="lambda"),
        pytest.param(
            "a = 1\ngrid = lambda META: (a,)\nreturn grid", "a = 1\ngrid = lambda META: (a,)\nreturn grid", id="closure"
        ),
        pytest.param("a = 1\ndef grid(meta):\n    return a\nreturn n", "return n", id="local-function"),
        pytest.param("a = 1\nreturn f'{a}'", "a = 1\nreturn f'{a}'", id="f-string"),
        pytest.param("a = 1\nreturn locals()", "a = 1\nreturn locals()", id="locals"),
        pytest.param("global a\na = 1\nreturn n", "global a\na = 1\nreturn n", id="global"),
        pytest.param("for i in range(n):\n    a = i\nreturn n", "return n", id="for"),
        pytest.param("for i in g():\n    a = i\nreturn n", "for i in g():\n    pass\nreturn n", id="for-with-a-call"),
        pytest.param("a = 1\nwith g():\n    b = a\nreturn n", "a = 1\nwith g():\n    b = a\nreturn n", id="with"),
        pytest.param("a: int = 1\nb: int\nreturn n", "return n", id="annotated"),
        pytest.param(
            "BLOCK = 1\ng = lambda META: META['BLOCK']\nreturn g", "g = lambda META: META['BLOCK']\nreturn g", id="meta"
        ),
        pytest.param(
            "try:\n    a = 1\nexcept E:\n    a = 2\nreturn n",
            "try:\n    a = 1\nexcept E:\n    a = 2\nreturn n",
            id="try",
        ),
        pytest.param("'''doc'''\na = 1", "'''doc'''", id="docstring"),
        pytest.param("a = 1", "pass", id="nothing-left"),
        pytest.param("a = [i for i in g()]\nreturn n", "a = [i for i in g()]\nreturn n", id="comprehension"),
    ],
)
def test_what_goes_and_what_stays(before, after):
    assert swept(before) == after


def test_a_method_is_named_by_its_place():
    method = "    def f(self):\n        a = 1\n        return 2\n"
    text = f"class A:\n{method}class B:\n{method}"
    assert drop_dead_assignments(text, "B.f").count("a = 1") == 1
    assert "a = 1" in drop_dead_assignments(text, "B.f").split("class B")[0]
    own = "def f():\n    a = 1\n    return 2\n"
    assert drop_dead_assignments(text + own, "f") == text + own.replace("    a = 1\n", "")
    with pytest.raises(ValueError, match=r"no function 'C\.f'"):
        drop_dead_assignments(text, "C.f")


_NAMES = ("a", "b", "c", "d")
_EXPRESSION = st.sampled_from(
    ["1", "n", *_NAMES, "a + b", "c - d", "b * n", "min(a, c)", "max(b, d, 2)", "(a, b)[n > 0]", "d if a else c"]
)
_ASSIGN = st.tuples(st.sampled_from(_NAMES), st.sampled_from(["=", "+="]), _EXPRESSION).map(lambda t: [" ".join(t)])
_UNPACK = st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES), _EXPRESSION, _EXPRESSION).map(
    lambda t: [f"{t[0]}, {t[1]} = {t[2]}, {t[3]}"]
)
_CALL = _EXPRESSION.map(lambda e: [f"log.append({e})"])


def _indented(lines: list[list[str]]) -> list[str]:
    return [f"    {line}" for part in lines for line in part]


_STATEMENT = st.recursive(
    _ASSIGN | _UNPACK | _CALL,
    lambda inner: (
        st.tuples(_EXPRESSION, st.lists(inner, min_size=1, max_size=3), st.lists(inner, max_size=2)).map(
            lambda t: [f"if {t[0]} > 0:", *_indented(t[1]), *(["else:", *_indented(t[2])] if t[2] else [])]
        )
        | st.lists(inner, min_size=1, max_size=2).map(lambda body: ["for d in range(2):", *_indented(body)])
    ),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(_STATEMENT, min_size=1, max_size=7), _EXPRESSION, st.integers(-3, 3))
def test_sweeping_keeps_the_meaning(statements, result, n):
    lines = ["def f(n, log):", "    a = b = c = d = n + 0", *_indented(statements), f"    return {result}"]
    text = "\n".join(lines) + "\n"
    after = drop_dead_assignments(text, "f")
    assert drop_dead_assignments(after, "f") == after
    outcomes = []
    for version in (text, after):
        scope: dict[str, object] = {}
        exec(version, scope)
        log: list[int] = []
        outcomes.append((scope["f"](n, log), log))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os\nimport torch\n", "import torch\n"),
        ("import os, sys\nsys.exit\n", "import sys\nsys.exit\n"),
        ("from a import b, c\nb\n", "from a import b\nb\n"),
        ("from a import (\n    b,\n    c,\n)\nb; c\n", "from a import (\n    b,\n    c,\n)\nb; c\n"),
        ("from a import *\n", "from a import *\n"),
        ("from __future__ import annotations\n", "from __future__ import annotations\n"),
        ("import torch.nn as nn\n", "import torch.nn as nn\n"),
        ("import triton.language as tl\n", "import triton.language as tl\n"),
        ("from torch import nn\n", "from torch import nn\n"),
        ("import math\n__all__ = ['math']\n", "import math\n__all__ = ['math']\n"),
        ("import math\ndef f(x: 'math'): pass\n", "import math\ndef f(x: 'math'): pass\n"),
        ("import math as m, os as o; x = m.pi\n", "import math as m; x = m.pi\n"),
        ("try:\n    import x\nexcept E:\n    x = None\n", "try:\n    import x\nexcept E:\n    x = None\n"),
    ],
)
def test_imports(before, after):
    assert drop_unused_imports(before) == after
