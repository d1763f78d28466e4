"""Shapes that nobody stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from capture_cases import LONG_S, TARGET, source, text_source

from tilewright.capture import capture
from tilewright.errors import SourceError
from tilewright.records.launch import Capture
from tilewright.records.source import KernelSource
from tilewright.workers import Worker


@pytest.fixture(scope="module")
def worker(shelf) -> Iterator[Worker]:
    with shelf.worker(memory_bytes=3 << 30, environment={"TRITON_DEFAULT_FP_FUSION": "1"}) as worker:
        yield worker


def infer(name: str, worker: Worker, grid_sizes: Mapping[str, int] | None = None) -> Capture:
    return capture(source(name), target=TARGET, worker=worker, grid_sizes=grid_sizes, timeout_s=LONG_S)


def shapes(found: Capture) -> list[tuple[int, ...]]:
    return [each.shape for each in found.inputs]


def test_the_seeds_shapes_follow_from_its_checks_and_its_grid(worker: Worker) -> None:
    found = infer("seed", worker, {"matmul_kernel": 2048})
    (k, m), (n, other_k) = shapes(found)
    assert k == other_k
    assert len({m, n, k}) == 3
    assert found.launches[0].grid[0] * found.launches[0].grid[1] == 2048
    assert max(m, n) <= 2 * min(m, n), "as near to a square as may be"
    assert "assumed A float32" in found.assumptions[0]
    assert "2048 programs, as the metrics say" in found.assumptions[1]


@pytest.mark.parametrize("programs", [1, 96, 1000, 3072, 4096])
def test_any_plausible_number_of_programs_is_met(worker: Worker, programs: int) -> None:
    found = infer("seed", worker, {"matmul_kernel": programs})
    grid = found.launches[0].grid
    assert grid[0] * grid[1] * grid[2] == programs, found.assumptions


def test_a_number_of_programs_that_cannot_be_met_is_said(worker: Worker) -> None:
    found = infer("hard_coded_cuda", worker, {"scale_kernel": 999})
    assert any("999" in each and "128" in each for each in found.assumptions)


def test_metrics_of_other_kernels_change_nothing(worker: Worker) -> None:
    assert shapes(infer("seed", worker, {"other": 7})) == shapes(infer("seed", worker))


def test_an_inner_dimension_that_nothing_checks(worker: Worker) -> None:
    (_, k), (other_k, _) = shapes(infer("unchecked_matmul", worker))
    assert k == other_k


def test_checks_with_if_and_raise(worker: Worker) -> None:
    (batch, m, k), (other_batch, other_k, n) = shapes(infer("batched_matmul", worker))
    assert (batch, k) == (other_batch, other_k)
    assert len({batch, m, n, k}) == 4


def test_a_size_that_the_model_demands(worker: Worker) -> None:
    ((_, features),) = shapes(infer("linear_gelu", worker))
    assert features == 512


def test_a_tensor_whose_shape_nothing_reads_is_like_the_first(worker: Worker) -> None:
    first, second = shapes(infer("residual_sum", worker))
    assert first == second


def test_an_error_of_pytorch_names_the_sizes(worker: Worker) -> None:
    found = infer("hard_coded_cuda", worker)
    assert shapes(found)[0][1] == 64
    assert shapes(found)[0][0] != 64


def test_numbers_among_the_inputs(worker: Worker) -> None:
    text = (
        "@triton.jit\ndef k(x, y, n, f):\n    tl.store(y, tl.load(x) * f)\n\n"
        "class ModelNew(nn.Module):\n    def forward(self, x, factor: float, flip: bool = False):\n"
        "        assert x.shape[-1] == 48 and x.dim() == 3\n        y = torch.empty_like(x)\n"
        "        k[(x.shape[0],)](x, y, x.numel(), factor)\n        return y\n"
    )
    found = capture(text_source(text), target=TARGET, worker=worker, timeout_s=LONG_S)
    assert shapes(found)[0][2] == 48
    assert [each.dtype for each in found.inputs] == ["f32", "python"]
    assert "factor = 1.0" in found.assumptions[0]


def test_a_file_that_never_launches_is_refused_with_the_reason(worker: Worker) -> None:
    text = "class ModelNew(nn.Module):\n    def forward(self, x):\n        raise ValueError('never')\n"
    with pytest.raises(SourceError, match=r"given.py:8: no input shapes .* \(ValueError: never\); give --inputs"):
        capture(text_source(text), target=TARGET, worker=worker, timeout_s=LONG_S)
    with pytest.raises(SourceError, match="it launches no kernel"):
        capture(
            text_source("class ModelNew(nn.Module):\n    def forward(self, x):\n        return x\n"),
            target=TARGET,
            worker=worker,
            timeout_s=LONG_S,
        )


def test_an_inner_dimension_that_neither_checks_nor_names_give_away(worker: Worker) -> None:
    text = source("unchecked_matmul").text
    for number, name in enumerate(("am", "ak", "bk", "bn", "cm", "cn")):
        text = text.replace(f"stride_{name}", f"step{number}")
    found = capture(
        KernelSource(path="renamed.py", text=text, kernels=()), target=TARGET, worker=worker, timeout_s=LONG_S
    )
    (_, k), (other_k, _) = shapes(found)
    assert k == other_k


def test_sizes_that_a_check_lists_and_dimensions_that_nothing_reads(worker: Worker) -> None:
    query, key, value = shapes(infer("attention", worker))
    assert query == key == value
    assert query[-1] in {16, 32, 64, 128}
