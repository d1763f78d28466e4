"""The normal form of integers agrees with plain arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilewright.families.index_expression import evaluate
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.polynomial import Polynomial

NAMES = ("M", "N", "stride")
leaves = st.one_of(st.integers(0, 9).map(p.number), st.sampled_from(NAMES).map(lambda name: p.atom("parameter", name)))
CHOICES = [lambda x, y: x + y, lambda x, y: x * y, p.smaller, p.larger]
positive = leaves.map(lambda value: value + p.number(1))
divisions = [lambda x, y: p.quotient(x, y), lambda x, y: p.remainder(x, y)]
polynomials = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(CHOICES), inner, inner).map(lambda parts: parts[0](parts[1], parts[2])),
        st.tuples(st.sampled_from(divisions), inner, positive).map(lambda parts: parts[0](parts[1], parts[2])),
    ),
    max_leaves=6,
)
sizes = st.fixed_dictionaries({name: st.integers(0, 50) for name in NAMES})


def worth(value: Polynomial, of: dict[str, int]) -> int:
    return int(value.evaluate({f"parameter.{name}": number for name, number in of.items()}))


@given(polynomials, polynomials, sizes)
def test_arithmetic_commutes_with_evaluation(left: Polynomial, right: Polynomial, of: dict[str, int]) -> None:
    assert worth(left + right, of) == worth(left, of) + worth(right, of)
    assert worth(left - right, of) == worth(left, of) - worth(right, of)
    assert worth(left * right, of) == worth(left, of) * worth(right, of)


@given(polynomials, polynomials)
def test_equal_values_have_one_form(left: Polynomial, right: Polynomial) -> None:
    assert left + right == right + left
    assert left * right == right * left
    assert (left + right) * left == left * left + right * left
    assert (left - left).constant == 0


@given(polynomials, sizes)
def test_the_expression_is_worth_the_same(value: Polynomial, of: dict[str, int]) -> None:
    assert evaluate(value.expression(), of) == worth(value, of)


@given(polynomials, positive, sizes)
def test_an_exact_quotient_is_exact(value: Polynomial, by: Polynomial, of: dict[str, int]) -> None:
    quotient = (value * by).divided(by)
    if quotient is not None:
        assert worth(quotient * by, of) == worth(value * by, of)


@given(polynomials, sizes, st.integers(0, 20))
def test_rewriting_is_substitution(value: Polynomial, of: dict[str, int], number: int) -> None:
    changed = value.rewrite(lambda atom: p.number(number) if atom.name == "M" else None)
    assert worth(changed, of) == worth(value, of | {"M": number})
