"""Sets of inputs: their layout, their values, and that they are fresh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tilewright.timing.sets import Sets

PLAIN = {"shape": [4, 6], "dtype": "f32", "strides": None, "offset": 0}
SLICED = {"shape": [4, 6], "dtype": "f16", "strides": [1, 8], "offset": 2}
EXPANDED = {"shape": [4, 6], "dtype": "f32", "strides": [0, 1], "offset": 0}
COUNT = {"shape": [5], "dtype": "i64", "strides": None, "offset": 0}
SCALE = {"value": 2.5}
Make = Callable[..., Sets]


@pytest.fixture
def make() -> Make:
    def made(inputs: list[dict[str, Any]], reference: Path | None = None, **changes: Any) -> Sets:
        told = {"seed": 3, "device": "cpu", "free_bytes": 1 << 30, "reseed": torch.manual_seed} | changes
        return Sets(inputs, None if reference is None else str(reference), **told)

    return made


def test_tensors_lie_as_they_are_stated(make: Make) -> None:
    plain, sliced, expanded, count, scale = make([PLAIN, SLICED, EXPANDED, COUNT, SCALE])[0]
    assert (plain.dtype, plain.stride(), plain.storage_offset()) == (torch.float32, (6, 1), 0)
    assert (sliced.dtype, sliced.stride(), sliced.storage_offset()) == (torch.float16, (1, 8), 2)
    assert expanded.stride() == (0, 1)
    assert (count.dtype, scale) == (torch.int64, 2.5)
    assert all(0 <= float(each.min()) <= float(each.max()) < 4.5 for each in (plain, sliced, count))


def test_a_block_has_fresh_values_in_the_same_memory(make: Make) -> None:
    sets = make([PLAIN, SLICED, EXPANDED, SCALE])
    plain, sliced, expanded, _ = sets[1]
    before = [each.clone() for each in (plain, sliced, expanded)]
    sets.refresh(1, "block 7")
    assert not any(torch.equal(old, new) for old, new in zip(before, sets[1], strict=False))
    assert sets[1][0] is plain
    first = plain.clone()
    sets.refresh(1, "block 7")
    assert torch.equal(plain, first)


@pytest.mark.parametrize(("free_bytes", "count"), [(1 << 30, 4), (96 * 5 * 3, 3), (1, 1)])
def test_there_are_as_many_sets_as_fit(make: Make, free_bytes: int, count: int) -> None:
    sets = make([PLAIN], free_bytes=free_bytes)
    assert len(sets) == count
    assert len({sets[index][0].data_ptr() for index in range(count)}) == count


@pytest.fixture
def reference(tmp_path: Path) -> Callable[[str], Path]:
    def write(body: str) -> Path:
        path = tmp_path / "reference.py"
        path.write_text(f"import torch\n\n\ndef get_inputs():\n    {body}\n")
        return path

    return write


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("return [torch.rand(4, 6) + 10, 2.5]", id="list"),
        pytest.param("return {'x': torch.rand(4, 6) + 10, 'scale': 2.5}", id="dictionary"),
        pytest.param("return [torch.rand(4, 6, generator=torch.Generator('cpu')) + 10, 2.5]", id="generator"),
    ],
)
def test_values_of_a_reference_stay(make: Make, reference: Callable[[str], Path], body: str) -> None:
    sets = make([PLAIN, SCALE], reference(body))
    first = sets[0][0].clone()
    assert float(first.min()) >= 10
    sets.refresh(0, "block 1")
    assert torch.equal(sets[0][0], first)
    assert sets.notes == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("return [torch.rand(4, 7), 2.5]", id="shape"),
        pytest.param("return [torch.rand(4, 6).half(), 2.5]", id="dtype"),
        pytest.param("return [torch.rand(4, 6)]", id="number of inputs"),
        pytest.param("return [torch.rand(4, 6), 3.5]", id="plain value"),
        pytest.param("return [torch.rand(4, 6), torch.rand(1)]", id="tensor for a value"),
    ],
)
def test_a_reference_of_another_problem_gives_no_values(
    make: Make, reference: Callable[[str], Path], body: str
) -> None:
    sets = make([PLAIN, SCALE], reference(body))
    assert sets.notes == ["values are uniform in [0, 1): the reference's get_inputs() are of other shapes"]
    assert float(sets[0][0].max()) < 1


def test_a_reference_that_raises_is_no_set(make: Make, reference: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match="boo"):
        make([PLAIN], reference("raise ValueError('boo')"))
