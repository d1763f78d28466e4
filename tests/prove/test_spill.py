"""Large arrays on their way to and from workers."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import torch

from tilewright.prove import arrays, spill
from tilewright.prove.results import read_result

SIZES = ((3, 5), (1500, 1025), (2300, 2049), (0, 4))
"""Below and above what is large, with no power of two, and nothing at all."""


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1500, 1025)).astype(np.float32)


def test_a_large_array_is_kept_and_every_copy_is_a_file_of_its_own(values, tmp_path: Path) -> None:
    for name in ("one.npy", "two.npy"):
        spill.write(values, tmp_path / name)
    with (tmp_path / "one.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\xff\xff\xff\xff")
    spill.write(values, tmp_path / "three.npy")
    assert not spill.holds(tmp_path / "one.npy", values)
    for name in ("two.npy", "three.npy"):
        assert spill.holds(tmp_path / name, values)
        assert np.array_equal(np.load(tmp_path / name), values)


def test_the_kept_file_goes_with_the_array(tmp_path: Path) -> None:
    given = np.zeros((1024, 1025))
    spill.write(given, tmp_path / "first.npy")
    assert spill._files[id(given)] is None
    spill.write(given, tmp_path / "second.npy")
    kept = spill._files[id(given)]
    assert kept is not None
    assert kept.is_file()
    del given
    gc.collect()
    assert not kept.exists()


@pytest.mark.parametrize("change", ["value", "shape", "dtype", "cut", "longer"])
def test_what_came_back_otherwise_is_not_the_same(values, change: str, tmp_path: Path) -> None:
    path, other = tmp_path / "x.npy", values.copy()
    if change == "value":
        other[700, 3] = np.nextafter(other[700, 3], np.float32(9))
    other = {"shape": other.reshape(1025, 1500), "dtype": other.view(np.int32)}.get(change, other)
    np.save(path, other)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    if change == "longer":
        path.write_bytes(path.read_bytes() + bytes(4))
    assert not spill.holds(path, values)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.int64, torch.float16])
def test_a_tensor_comes_through_a_file_whatever_its_size(
    shape: tuple[int, ...], dtype: torch.dtype, tmp_path: Path
) -> None:
    made = (torch.arange(shape[0] * shape[1]).reshape(shape) % 5).to(dtype).t()
    arrays.save_all(tmp_path, "output", {"output": made}, None)
    read = np.load(tmp_path / "output_0.npy")
    plain = made.view(torch.int16) if dtype is torch.bfloat16 else made
    assert np.array_equal(read, plain.numpy())
    assert read.dtype == plain.numpy().dtype
    loaded = arrays.load(tmp_path / "output_0.npy")
    assert torch.equal(loaded, plain)
    before = (tmp_path / "output_0.npy").read_bytes()
    loaded.fill_(1)
    assert (tmp_path / "output_0.npy").read_bytes() == before


def test_inputs_that_come_back_as_they_were_are_the_arrays_that_were_sent(values, tmp_path: Path) -> None:
    told = '{"name": "input 0", "dtype": "f32", "file": "input_0.npy", "contiguous": true, "shape": [1500, 1025]}'
    rest = '"outputs": [], "state": [], "elapsed_s": 0.0'
    (tmp_path / "result.json").write_text(f'{{"inputs": [{told}], {rest}}}')
    np.save(tmp_path / "input_0.npy", values)
    found = read_result(tmp_path, {"input 0": values})
    assert found is not None
    assert found.inputs["input 0"].values is values
    changed = values.copy()
    changed[0, 0] = 7
    np.save(tmp_path / "input_0.npy", changed)
    found = read_result(tmp_path, {"input 0": values})
    assert found is not None
    assert np.array_equal(found.inputs["input 0"].values, changed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int8, torch.bool])
def test_elements_that_differ_are_counted_across_pieces(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_PIECE", 8)
    one = torch.arange(35).reshape(5, 7).to(dtype).t()
    other = one.clone()
    assert arrays.count_differing(one, other) == 0
    for place in ((0, 0), (3, 3), (6, 4)):
        other[place] = not one[place]
    assert arrays.count_differing(one, other) == 3


def test_nan_does_not_differ_from_itself() -> None:
    one, other = torch.tensor([1.0, float("nan"), float("nan")]), torch.tensor([1.0, float("nan"), 2.0])
    assert arrays.count_differing(one, other) == 1
