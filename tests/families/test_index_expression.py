"""Index expressions are arithmetic and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.families.index_expression import evaluate, names


@given(st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99))
def test_it_means_what_python_means(m: int, n: int, k: int) -> None:
    values = {"M": m, "N": n, "K": k}
    assert evaluate("M * (N + 3) - -K // 2", values) == m * (n + 3) - -k // 2
    assert evaluate("min(M, N, 7) + max(N % K, 0)", values) == min(m, n, 7) + max(n % k, 0)


def test_it_knows_which_names_it_needs() -> None:
    assert names("min(M, stride_am * 2) // 3") == {"M", "stride_am"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M +",
        "Q",
        "M / 2",
        "M ** 9",
        "1 // 0",
        "True",
        "2.0",
        "'a'",
        "__import__('os')",
        "M.real",
        "min(M)",
        "[M]",
        "M if M else 1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        evaluate(text, {"M": 1})
