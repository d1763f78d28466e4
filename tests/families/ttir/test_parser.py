"""Triton IR text becomes operations, whatever places and attributes are printed with it."""

from __future__ import annotations

from contextlib import suppress

import pytest
import ttir_of
from hypothesis import given
from hypothesis import strategies as st

from tilewright.families.ttir.parser import TtirSyntaxError, Type, parse, parse_type

PLAIN = {"a_ptr": "*fp32", "b_ptr": "*fp32", "c_ptr": "*fp32"}
SIZES = ("M", "N", "K", "stride_am", "stride_ak", "stride_bk", "stride_bn", "stride_cm", "stride_cn")


def test_a_kernel_of_this_triton() -> None:
    blocks: dict[str, object] = {"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16}
    text = ttir_of.generic_ttir("contractions", "plain", PLAIN | dict.fromkeys(SIZES, "i32"), blocks)
    function = parse(text)
    assert function.name == "plain"
    assert [name for name, _ in function.parameters] == [*PLAIN, *SIZES]
    assert function.parameters[0][1] == Type((), "fp32", pointer=True)
    assert function.parameters[-1][1] == Type((), "i32")
    operations = list(function.walk())
    (loop,) = [operation for operation in operations if operation.name == "scf.for"]
    (body,) = loop.regions[0]
    assert [operation.name for operation in body.operations][-2:] == ["tt.dot", "scf.yield"]
    assert sum(operation.name == "tt.load" for operation in operations) == 2
    assert all("loc(" not in operation.text + operation.types for operation in operations)


def test_the_same_kernel_without_places() -> None:
    with_places = """
    #loc = loc("f.py":1:0)
    module {
      tt.func public @k(%p: !tt.ptr<f32> {tt.divisibility = 16 : i32} loc("p"(#loc)), %n: i32 loc("n)"(#loc))) {
        %0:2 = scf.for %i = %n to %n step %n iter_args(%a = %n, %b = %n) -> (i32, i32)  : i32 {
          scf.yield %b, %a : i32, i32 loc(callsite(#loc at #loc))
        } {tt.num_stages = 3 : i32} loc(#loc1)
        %r = "tt.reduce"(%0#1) <{axis = 1 : i32}> ({
        ^bb0(%x: f32 loc(callsite(#loc at #loc)), %y: f32 loc(#loc)):
          %z = arith.addf %x, %y : f32 loc(#loc)
          tt.reduce.return %z : f32 loc(#loc)
        }) : (tensor<4x8xf32>) -> tensor<4xf32> loc(#loc)
        %t = scf.if %c -> (i32) {
          scf.yield %n : i32
        } else {
          scf.yield %0#0 : i32
        }
        tt.return loc(#loc)
      } loc(#loc)
    } loc(#loc)
    """
    function = parse(with_places)
    assert function.parameters == (("p", Type((), "fp32", pointer=True)), ("n", Type((), "i32")))
    loop, reduce, branch, end = function.blocks[0].operations
    assert loop.results == ("%0#0", "%0#1")
    assert reduce.name == "tt.reduce"
    assert reduce.integer("axis") == 1
    assert reduce.operands == ("%0#1",)
    assert reduce.result_type == Type((4,), "fp32")
    assert [operation.name for operation in reduce.regions[0][0].operations] == ["arith.addf", "tt.reduce.return"]
    assert [region[0].operations[0].operands for region in branch.regions] == [("%n",), ("%0#0",)]
    assert end.name == "tt.return"


@pytest.mark.parametrize(
    "text", ["", "module {\n}", "tt.func public @k() {\n%0 = arith.constant 1 : i32", "tt.func @k() {\n=\n}"]
)
def test_what_is_no_ir_is_rejected(text: str) -> None:
    with pytest.raises(TtirSyntaxError):
        parse(text)


@given(st.text(alphabet='%{}()<>^:=,."#\n abtfscorlun0123456789', max_size=200))
def test_no_text_does_worse_than_a_syntax_error(text: str) -> None:
    with suppress(TtirSyntaxError):
        assert parse("tt.func public @k() {\n" + text).name == "k"


@given(
    st.lists(st.integers(1, 4096), max_size=3),
    st.sampled_from([("f32", "fp32"), ("f16", "fp16"), ("bf16", "bf16"), ("i64", "i64"), ("f8E5M2", "fp8e5")]),
    st.booleans(),
)
def test_every_tensor_type(shape: list[int], element: tuple[str, str], pointer: bool) -> None:
    inner = f"!tt.ptr<{element[0]}>" if pointer else element[0]
    text = f"tensor<{''.join(f'{size}x' for size in shape)}{inner}>" if shape else inner
    assert parse_type(text) == Type(tuple(shape), element[1], pointer)
