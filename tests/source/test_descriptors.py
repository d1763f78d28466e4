"""What is in a descriptor is written as the wrapper wrote it, as long as that still holds at the launch."""

from __future__ import annotations

import pytest

from tilewright.source.descriptors import DescriptorTexts, descriptor_texts
from tilewright.source.launches import find_launches

TEXT = """\
import triton
import triton.tools.tensor_descriptor as td
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def k(x, n):
    pass


class Model:
    def forward(self, x, n):
        BEFORE
        k[(1,)](ARGUMENT, n)
        AFTER
"""
ASKED = DescriptorTexts(base="d.base", shape=("d.shape[0]", "d.shape[1]"), strides=("d.strides[0]", "d.strides[1]"))
WRITTEN = DescriptorTexts(base="x", shape=("x.shape[0]", "x.shape[1]"), strides=("x.stride(0)", "x.stride(1)"))


def texts(before: str, argument: str = "d", after: str = "return x") -> DescriptorTexts | None:
    text = TEXT.replace("BEFORE", "\n        ".join(before.split("; "))).replace("ARGUMENT", argument)
    text = text.replace("AFTER", after)
    return descriptor_texts(text, find_launches(text)[0], argument, 2)


@pytest.mark.parametrize(
    "before",
    [
        "d = TensorDescriptor(x, x.shape, x.stride(), [64, 64])",
        "d = td.TensorDescriptor(x, x.shape, strides=x.stride(), block_shape=[64, 64])",
        "d = TensorDescriptor.from_tensor(x, [64, 64])",
        "d = TensorDescriptor.from_tensor(tensor=x, block_shape=[1, 1]); d_2 = x",
        "x = x.contiguous(); d = TensorDescriptor.from_tensor(x, [64, 64])",
    ],
)
def test_what_it_was_made_from_is_written(before: str) -> None:
    assert texts(before) == WRITTEN


def test_lists_of_numbers_are_written_as_they_are_and_attributes_of_self_too() -> None:
    expected = DescriptorTexts(base="self.w", shape=("n", "2 * n"), strides=("2 * n", "1"))
    assert texts("d = TensorDescriptor(self.w, [n, 2 * n], (2 * n, 1), [64, 64])") == expected
    assert texts("pass", "TensorDescriptor(self.w, [n, 2 * n], (2 * n, 1), [64, 64])") == expected
    sized = texts("d = TensorDescriptor(x, x.size(), x.stride(), [64, 64])")
    assert sized is not None
    assert sized.shape == ("x.size(0)", "x.size(1)")


@pytest.mark.parametrize(
    "before",
    [
        "d = TensorDescriptor.from_tensor(x, [64, 64]); x = x.t()",
        "d = TensorDescriptor.from_tensor(self.w, [64, 64]); self.w = x",
        "d = TensorDescriptor.from_tensor(x, [64, 64]); d.shape = [n, n]",
        "d = TensorDescriptor.from_tensor(x, [64, 64]); d.shape[0] = n",
        "d = None; d = TensorDescriptor.from_tensor(x, [64, 64])",
        "d = TensorDescriptor.from_tensor(x.contiguous(), [64, 64])",
        "d = TensorDescriptor(x, [n, n // f(x)], x.stride(), [64, 64])",
        "d = TensorDescriptor(*x)",
        "d = self.descriptor(x)",
        "d, e = self.descriptors",
    ],
)
def test_the_descriptor_is_asked_where_that_may_no_longer_hold(before: str) -> None:
    assert texts(before) == ASKED


def test_a_tensor_that_is_bound_anew_behind_the_launch_is_taken_for_changed() -> None:
    """The launch may stand in a loop."""
    assert texts("d = TensorDescriptor.from_tensor(x, [64, 64])", after="x = x.t()") == ASKED


def test_a_call_that_does_not_show_its_tensor_is_not_written_twice() -> None:
    assert texts("pass", "self.descriptor(x)") is None
    assert texts("pass", "TensorDescriptor.from_tensor(x.contiguous(), [64, 64])") is None
