"""The oracle's answer in pieces is its answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.prove import pieces as room
from tilewright.prove.pieces import find_split, find_splits, leaves, pieces_needed, run_halving, run_in_pieces
from tilewright.prove.splitting import Split


def randn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


def conv(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, w, padding=1)


SPLITS: dict[str, tuple[Callable[..., Any], list[Any], set[tuple[tuple[int | None, ...], int | None]]]] = {
    "matmul of transposed operands": (
        lambda a, b: a.T @ b.T,
        [randn(11, 5), randn(7, 11)],
        {((1, None), 0), ((None, 0), 1)},
    ),
    "batched matmul": (
        torch.bmm,
        [randn(3, 5, 7), randn(3, 7, 11)],
        {((0, 0), 0), ((1, None), 1), ((None, 2), 2)},
    ),
    "pointwise": (lambda x, y: torch.sigmoid(x) * y, [randn(5, 7), randn(5, 7)], {((0, 0), 0), ((1, 1), 1)}),
    "pointwise with a broadcast row": (lambda x, y: x + y, [randn(5, 7), randn(7)], {((0, None), 0), ((1, 0), 1)}),
    "row softmax": (lambda x: torch.softmax(x, dim=1), [randn(6, 9)], {((0,), 0)}),
    "sum over rows": (lambda x: x.sum(dim=0), [randn(6, 9)], {((1,), 0)}),
    "transposed": (lambda x: x.permute(2, 0, 1).contiguous(), [randn(4, 6, 9)], {((0,), 1), ((1,), 2), ((2,), 0)}),
    "convolution": (conv, [randn(4, 3, 9, 10), randn(5, 3, 3, 3)], {((0, None), 0), ((None, 0), 1)}),
    "square": (lambda x: x @ x, [randn(6, 6)], set()),
    "two square matrices": (lambda a, b: a @ b, [randn(6, 6), randn(6, 6)], {((0, None), 0), ((None, 1), 1)}),
    "sum to a scalar": (lambda x: x.sum(), [randn(6, 9)], set()),
    "mean over all": (lambda x: x - x.mean(), [randn(6, 9)], set()),
    "running sum": (lambda x: torch.cumsum(x, dim=1), [randn(6, 9)], {((0,), 0)}),
    "positions": (lambda x: x * torch.arange(x.shape[1]), [randn(6, 9)], {((0,), 0)}),
    "pairs": (lambda x: F.max_pool1d(x, 2), [randn(4, 5, 8)], {((0,), 0), ((1,), 1)}),
    "dropout": (lambda x: F.dropout(x, 0.5), [randn(6, 9)], set()),
    "changes its input": (lambda x: x.mul_(2), [randn(6, 9)], set()),
}


@pytest.mark.parametrize("name", SPLITS)
def test_the_splits_are_those_that_hold(name: str) -> None:
    model, inputs, expected = SPLITS[name]
    found = {(split.inputs, split.outputs["output"]) for split in find_splits(model, inputs)}
    assert found == expected


@pytest.mark.parametrize("name", [name for name, case in SPLITS.items() if case[2]])
@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_pieces_of_every_split_are_the_whole(name: str, count: int) -> None:
    model, small, _ = SPLITS[name]
    inputs = [torch.cat((value, value), dim=0) if name == "pointwise" else value for value in small]
    whole = model(*(value.double() for value in inputs)).numpy()
    for split in find_splits(model, small):
        got = run_in_pieces(model, inputs, split, count)["output"]
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, whole, rtol=0, atol=1e-12 * abs(whole).max())


@settings(max_examples=25, deadline=None)
@given(m=st.integers(1, 40), n=st.integers(1, 9), count=st.integers(1, 50), dtype=st.sampled_from(["f16", "f32"]))
def test_any_size_in_any_number_of_pieces(m: int, n: int, count: int, dtype: str) -> None:
    kind = {"f16": torch.float16, "f32": torch.float32}[dtype]
    a, b = randn(13, m, dtype=kind), randn(n, 13, dtype=kind)
    split = Split(inputs=(1, None), outputs={"output": 0})
    got = run_in_pieces(lambda a, b: a.T @ b.T, [a, b], split, count)["output"]
    np.testing.assert_allclose(got, (a.double().T @ b.double().T).numpy(), rtol=0, atol=1e-11)


def test_of_several_splits_the_one_that_leaves_least_whole() -> None:
    model, small, _ = SPLITS["matmul of transposed operands"]
    tall = [torch.empty(100, 9000, device="meta"), torch.empty(50, 100, device="meta")]
    wide = [torch.empty(100, 50, device="meta"), torch.empty(9000, 100, device="meta")]
    by_m, by_n = find_split(model, small, inputs=tall), find_split(model, small, inputs=wide)
    assert by_m is not None
    assert by_n is not None
    assert by_m.inputs == (1, None)
    assert by_n.inputs == (None, 0)
    assert by_m.words() == "axis 1 of input 0"


def test_several_outputs_and_other_arguments() -> None:
    def model(x: torch.Tensor, scale: float, mask: torch.Tensor) -> Any:
        return {"y": x.T * scale, "n": (torch.argmax(x, dim=1), x.shape[1]), "kept": mask}

    inputs = [randn(6, 9), 2.0, torch.tensor([True, False, True, True])]
    split = find_split(model, inputs)
    assert split == Split(
        inputs=(0, None, None),
        outputs={"output['y']": 1, "output['n'][0]": 0, "output['n'][1]": None, "output['kept']": None},
    )
    got = run_in_pieces(model, inputs, split, 4)
    assert got["output['n'][0]"].tolist() == torch.argmax(inputs[0], dim=1).tolist()
    assert got["output['n'][1]"] == 9
    assert got["output['kept']"].dtype == np.bool_
    assert got["output['y']"].shape == (9, 6)


def test_state_that_calls_change_is_no_matter_for_pieces() -> None:
    layer = torch.nn.BatchNorm1d(9).double()
    assert find_split(layer.train(), [randn(6, 9)]) is None
    split = find_split(layer.eval(), [randn(6, 9)])
    assert split is not None
    assert split.inputs == (0,)


def test_a_split_that_does_not_suit_the_inputs_is_an_error() -> None:
    split = Split(inputs=(0, 0), outputs={"output": 0})
    with pytest.raises(ValueError, match="lengths"):
        run_in_pieces(lambda a, b: a + b, [randn(6), randn(7)], split, 2)
    with pytest.raises(ValueError, match=r"fill|fit"):
        run_in_pieces(lambda a, b: (a + b)[: 1 + len(a) % 2], [randn(7), randn(7)], split, 3)
    with pytest.raises(ValueError, match="returns"):
        run_in_pieces(lambda a, b: (a, b), [randn(6), randn(6)], split, 2)


def test_inputs_of_length_one_are_broadcast_to_every_piece() -> None:
    split = Split(inputs=(0, 0), outputs={"output": 0})
    got = run_in_pieces(lambda a, b: a + b, [randn(6, 2), randn(1, 2)], split, 3)["output"]
    assert got.shape == (6, 2)


def test_large_outputs_go_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MEMMAP_BYTES", 1000)
    split = Split(inputs=(0,), outputs={"output[0]": 0, "output[1]": 0})
    got = run_in_pieces(lambda x: (x * 2, x.sum(dim=1)), [randn(40, 9)], split, 3, folder=tmp_path)
    assert isinstance(got["output[0]"], np.memmap)
    assert not isinstance(got["output[1]"], np.memmap)
    got["output[0]"].flush()
    np.testing.assert_array_equal(np.load(tmp_path / "output_0_.npy"), randn(40, 9).double().numpy() * 2)


@given(
    free=st.integers(0, 10**11), split=st.integers(0, 10**10), whole=st.integers(0, 10**9), size=st.integers(1, 10**5)
)
def test_the_pieces_that_are_needed_fit_and_fewer_do_not(free: int, split: int, whole: int, size: int) -> None:
    def bytes_of(pieces: int) -> float:
        return 8 * 3 * (whole + split * math.ceil(size / pieces) / size)

    count = pieces_needed(free, split_elements=split, whole_elements=whole, size=size)
    if count is None:
        assert bytes_of(size) >= free * (1 - 1e-9)
        return
    assert 1 <= count <= size
    assert bytes_of(count) <= free * (1 + 1e-9)
    assert count == 1 or math.ceil(size / (count - 1)) > math.ceil(size / count)


class Hungry(torch.nn.Module):
    """Answers only slices of some length, and only small ones on the first device."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.calls = most, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x))
        if len(x) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return x * 2


def test_exhausted_memory_halves_the_pieces() -> None:
    model, split = Hungry(3), Split(inputs=(0,), outputs={"output": 0})
    got, words = run_halving(model, [randn(10, 2)], split, device="cpu")
    assert model.calls[:3] == [10, 5, 2]
    assert words == "in float64 on cpu in 4 pieces along axis 0 of input 0"
    np.testing.assert_array_equal(got["output"], randn(10, 2).double().numpy() * 2)


def test_what_never_fits_is_left_to_the_cpu() -> None:
    model = Hungry(0)
    seen = []
    model.to = lambda device: seen.append(str(device)) or model  # type: ignore[method-assign]
    with pytest.raises(torch.cuda.OutOfMemoryError):
        run_halving(model, [randn(4, 2)], Split(inputs=(0,), outputs={"output": 0}), device="cpu:0")
    assert model.calls == [4, 2, 1, 1]
    assert seen == ["cpu:0", "cpu:0", "cpu:0", "cpu"]


def test_leaves_are_named_by_their_place() -> None:
    assert leaves((1, {"a": [2]})) == {"output[0]": 1, "output[1]['a'][0]": 2}
    assert leaves(3) == {"output": 3}
