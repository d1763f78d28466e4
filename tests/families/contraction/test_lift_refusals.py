"""What is no contraction is declined, in one sentence that says what the kernel does."""

from __future__ import annotations

import pytest
import ttir_of

from tilewright.families.contraction.lift import lift
from tilewright.records.trial import Refusal

S = 64
MATRIX = {"a_ptr": (S, S), "b_ptr": (S, S), "out_ptr": (S, S)}
SIZES: dict[str, int | float] = {"N": S, "K": S}
CASES: dict[str, tuple[dict[str, tuple[int, ...]], dict[str, int | float], dict[str, object], str]] = {
    "softmax": ({"x_ptr": (S, S), "y_ptr": (S, S)}, {"n": S, "stride": S}, {"BLOCK": 64}, "no matrices"),
    "layernorm": ({"x_ptr": (S, S), "w_ptr": (S,), "y_ptr": (S, S)}, {"n": S, "eps": 0.5}, {"BLOCK": 64},
                  "no matrices"),
    "elementwise": ({"x_ptr": (S,), "y_ptr": (S,)}, {"n": S}, {"BLOCK": 64}, "no matrices"),
    "scalar_conv": ({"x_ptr": (S,), "w_ptr": (3,), "y_ptr": (S,)}, {"L": S}, {"TAPS": 3, "BLOCK": 64}, "no matrices"),
    "attention": (dict.fromkeys(("q_ptr", "k_ptr", "v_ptr", "o_ptr"), (S, 32)), {"S": S, "scale": 0.5},
                  {"D": 32, "BLOCK_M": 32, "BLOCK_N": 32}, "as attention does"),
    "two_products": (MATRIX | {"c_ptr": (S, S)}, SIZES, {"BLOCK": 32}, "in 2 places"),
    "row_sums": (MATRIX | {"out_ptr": (S,)}, {"M": S} | SIZES, {"BLOCK": 32}, "holds a part"),
    "operand_scaled": (MATRIX | {"s_ptr": (S,)}, SIZES, {"BLOCK": 32}, "on an operand before the product"),
    "decayed": (MATRIX, SIZES | {"decay": 0.5}, {"BLOCK": 32}, "not a plain sum of products"),
    "gathered": (MATRIX | {"rows_ptr": (S,)}, SIZES, {"BLOCK": 32}, "from a value that it loaded"),
    "padded_with_one": (MATRIX, SIZES, {"BLOCK": 32}, "other than 0"),
    "causal": (MATRIX, SIZES, {"BLOCK": 32}, "by the element's place"),
    "causal_infinite": (MATRIX, SIZES, {"BLOCK": 32}, "by the element's place"),
    "slanted": (MATRIX, SIZES, {"BLOCK": 32}, "does not end an axis"),
    "wrong_diagonal": (MATRIX, SIZES, {"BLOCK": 32}, "a diagonal that its addresses do not have"),
    "lower_triangle": (MATRIX, SIZES, {"BLOCK": 32}, "every tile"),
    "running": (MATRIX, SIZES, {"BLOCK": 32}, "loop"),
    "biased_parts": (MATRIX | {"bias_ptr": (S,)}, SIZES, {"BLOCK": 32}, "partial sums"),
    "found_while_looking": (MATRIX, SIZES, {"BLOCK": 32}, "no comparison of whole numbers"),
    "doubling": (MATRIX, SIZES, {"BLOCK": 32}, "does not count by a constant step"),
    "other_block_apart": (MATRIX, SIZES, {"BLOCK": 32}, "in 2 places"),
    "every_second": (MATRIX, SIZES, {"BLOCK": 32}, "no matrices"),
    "pairwise": (MATRIX | {"a_ptr": (S, S, S)}, SIZES, {"BLOCK": 32}, "no matrices"),
}  # fmt: skip


@pytest.mark.parametrize("kernel", CASES)
def test_declined_with_its_reason(kernel: str) -> None:
    shapes, scalars, constants, reason = CASES[kernel]
    tensors = {name: ("i32" if name == "rows_ptr" else "fp32", shape) for name, shape in shapes.items()}
    launch = ttir_of.launch(
        "others",
        kernel,
        tensors=tensors,
        scalars=scalars,
        constants=constants,
        grid=(2, 2, 2 if "parts" in kernel else 1),
    )
    refused = lift(launch)
    assert isinstance(refused, Refusal), refused
    assert refused.what == f"lift {kernel} as a contraction"
    assert reason in refused.reason, refused.reason
    assert refused.reason.startswith("the kernel ")
    assert "\n" not in refused.reason


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("doubled", "in different ways"),
        ("left out", "in different ways"),
        ("swapped", "in different ways"),
        ("added", "several parts of a tile together"),
    ],
)
def test_halves_that_are_not_finished_alike_are_declined(kind: str, reason: str) -> None:
    launch = ttir_of.launch(
        "others",
        "unlike_halves",
        tensors={name: ("fp32", shape) for name, shape in MATRIX.items()},
        scalars=SIZES,
        constants={"BLOCK": 32, "KIND": kind},
        grid=(2, 2, 1),
    )
    refused = lift(launch)
    assert isinstance(refused, Refusal), refused
    assert reason in refused.reason
