"""Epilogue expressions as Triton text."""

import struct

import pytest
from emit_cases import SUM, apply, constant, gelu, operand
from hypothesis import given
from hypothesis import strategies as st

from tilewright.families.contraction.emit_expression import ExpressionWriter, number, without_final_cast
from tilewright.records.algorithm import Expression, Loaded, Parameter


def written(value: Expression) -> list[str]:
    writer = ExpressionWriter(
        accumulator="acc",
        load=lambda found: f"load({found.parameter})",
        inside=lambda axis: f"mask_{axis}",
        taken={"acc", "x_ptr"},
    )
    text = writer.write(value)
    return [*writer.lines, text]


BIAS = Loaded(operand=operand("bias_ptr", n="1"))
NEGATIVE = apply("sub", constant(0.0), SUM)


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        pytest.param(SUM, ["acc"], id="sum"),
        pytest.param(apply("add", SUM, BIAS), ["bias = load(bias_ptr)", "acc + bias"], id="bias"),
        pytest.param(
            apply("mul", apply("add", SUM, BIAS), Parameter(name="alpha", dtype="fp32")),
            ["bias = load(bias_ptr)", "(acc + bias) * alpha"],
            id="parentheses",
        ),
        pytest.param(
            apply("sub", SUM, apply("sub", SUM, BIAS)), ["bias = load(bias_ptr)", "acc - (acc - bias)"], id="sub"
        ),
        pytest.param(NEGATIVE, ["-acc"], id="negative"),
        pytest.param(apply("max", SUM, constant(0.0)), ["tl.maximum(acc, 0.0)"], id="relu"),
        pytest.param(
            apply("max_nan", SUM, constant(0.0)), ["tl.maximum(acc, 0.0, propagate_nan=tl.PropagateNan.ALL)"], id="nan"
        ),
        pytest.param(
            apply("div", constant(1.0), apply("add", constant(1.0), apply("exp", NEGATIVE))),
            ["tl.sigmoid(acc)"],
            id="sigmoid",
        ),
        pytest.param(apply("tanh", SUM), ["2.0 * tl.sigmoid(2.0 * acc) - 1.0"], id="tanh"),
        pytest.param(
            gelu(apply("add", SUM, BIAS)),
            ["bias = load(bias_ptr)", "x = acc + bias", "x * 0.5 * (1.0 + tl.erf(x * 0.70710677))"],
            id="gelu",
        ),
        pytest.param(
            apply("where", apply("gt", SUM, constant(0.0), dtype="i1"), SUM, apply("mul", SUM, constant(0.01))),
            ["tl.where(acc > 0.0, acc, acc * 0.01)"],
            id="leaky",
        ),
        pytest.param(apply("cast", apply("add", SUM, SUM), dtype="fp16"), ["(acc + acc).to(tl.float16)"], id="cast"),
    ],
)
def test_expressions_read_as_a_person_would_write_them(value: Expression, lines: list[str]) -> None:
    assert written(value) == lines


def test_the_last_cast_is_left_to_the_store_only_when_it_is_to_the_stored_dtype() -> None:
    cast = apply("cast", SUM, dtype="fp16")
    assert without_final_cast(cast, "fp16") == SUM
    assert without_final_cast(cast, "bf16") == cast


@given(st.floats(width=32))
def test_numbers_read_back_as_the_same_float32(value: float) -> None:
    back = eval(number(value, "fp32"))
    assert struct.pack("f", back) == struct.pack("f", value) or (back != back and value != value)
