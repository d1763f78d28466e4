import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.errors import SpecError
from tilewright.records.source import TensorSpec
from tilewright.source import format_inputs, parse_inputs
from tilewright.source.inputs import DTYPES


def test_tensors_strides_and_scalars():
    assert parse_inputs("A=f32[8192,2048] B=bf16[4, 8]{1,4}  x=f32[] alpha=0.5 causal=True mode='a b' none=None") == (
        TensorSpec(name="A", dtype="f32", shape=(8192, 2048)),
        TensorSpec(name="B", dtype="bf16", shape=(4, 8), strides=(1, 4)),
        TensorSpec(name="x", dtype="f32", shape=()),
        TensorSpec(name="alpha=0.5", dtype="python", shape=()),
        TensorSpec(name="causal=True", dtype="python", shape=()),
        TensorSpec(name="mode='a b'", dtype="python", shape=()),
        TensorSpec(name="none=None", dtype="python", shape=()),
    )


@pytest.mark.parametrize("long", ["float32", "torch.float32", "fp32", "f32"])
def test_long_dtype_names_become_short(long):
    assert parse_inputs(f"A={long}[2]")[0].dtype == "f32"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", ["no input"]),
        ("A=f32[2] B", ["word 2", "column 10", "'B'", "no `=`"]),
        ("A=f23[2]", ["word 1", "no dtype 'f23'", "bf16"]),
        ("A=f32[2,x]", ["size 'x'"]),
        ("A=f32[2,-1]", ["size '-1'"]),
        ("A=f32[2", ["'f32[2'"]),
        ("A=f32[2,2]{1}", ["2 sizes but 1 strides"]),
        ("A=f32[2] A=f32[3]", ["word 2", "already given by word 1"]),
        ("1A=f32[2]", ["'1A' is not a name"]),
        ("A=huge", ["'huge' is neither"]),
        ("A=[1,2]", ["neither"]),
        ("A=1e999", ["finite"]),
    ],
)
def test_faults_name_the_word_and_show_a_right_one(spec, words):
    with pytest.raises(SpecError) as caught:
        parse_inputs(spec)
    for word in words:
        assert word in str(caught.value)
    assert "A=f32[8192,2048]" in str(caught.value)
    assert parse_inputs(str(caught.value).split("`")[-2])


_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
_TENSOR = st.integers(0, 4).flatmap(
    lambda rank: st.builds(
        lambda name, dtype, shape, strides: TensorSpec(name=name, dtype=dtype, shape=shape, strides=strides),
        _NAME,
        st.sampled_from(DTYPES),
        st.tuples(*[st.integers(0, 2**40)] * rank),
        st.none() | st.tuples(*[st.integers(0, 2**40)] * rank),
    )
)
_VALUE = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none() | st.text(max_size=8)
)
_SCALAR = st.builds(lambda name, value: TensorSpec(name=f"{name}={value!r}", dtype="python", shape=()), _NAME, _VALUE)


@given(st.lists(_TENSOR | _SCALAR, min_size=1, max_size=5, unique_by=lambda item: item.name.partition("=")[0]))
def test_format_is_the_inverse(items):
    assert parse_inputs(format_inputs(items)) == tuple(items)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(spec):
    said = ""
    try:
        assert format_inputs(parse_inputs(spec))
    except SpecError as error:
        said = str(error)
    assert "\n" not in said
