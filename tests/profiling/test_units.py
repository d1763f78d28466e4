import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.profiling.units import base_factor, read_number


@given(st.integers(-(10**15), 10**15), st.sampled_from([",", "'", " ", "\u202f", ""]))
def test_thousands_separators_mean_nothing(number, separator):
    assert read_number(f"{number:,}".replace(",", separator)) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_decimals_and_exponents(number):
    assert read_number(repr(number)) == number
    assert read_number(f' "{number:e}" ') == pytest.approx(number, rel=1e-5)


@given(st.text(max_size=12))
def test_any_cell_is_a_finite_number_absent_or_refused(cell):
    try:
        number = read_number(cell)
    except ValueError:
        number = None
    assert number is None or math.isfinite(number)


@pytest.mark.parametrize("cell", ["", "n/a", "N/A", "nan", "inf", "(!) n/a"])
def test_absent_values(cell):
    assert read_number(cell) is None


@pytest.mark.parametrize("cell", ["1,00", "1,0000", "12abc", ",", ".", "--1", "1.2.3", "1e", "0x10", "(32, 64, 1)"])
def test_what_is_no_number(cell):
    with pytest.raises(ValueError, match="is not a number"):
        read_number(cell)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("", 1), ("%", 1), ("inst", 1), ("block", 1), ("register/thread", 1), ("Kbyte", 1e3), ("Mbyte", 1e6),
        ("Gbyte", 1e9), ("byte", 1), ("KiB", 1024), ("ns", 1), ("nsecond", 1), ("us", 1e3), ("usecond", 1e3),
        ("ms", 1e6), ("second", 1e9), ("Ghz", 1e9), ("MHz", 1e6), ("Gbyte/second", 1e9), ("byte/us", 1e6),
        ("Kbyte/block", 1e3), ("cycle", 1), ("cycle/second", 1), ("cycle/nsecond", 1e9), ("Kinst", 1e3),
    ],
)  # fmt: skip
def test_units(unit, factor):
    assert base_factor(unit) == pytest.approx(factor)


@pytest.mark.parametrize("unit", ["Zbyte", "12", "%/x%", "FURLONG"])
def test_unknown_units(unit):
    assert base_factor(unit) is None
