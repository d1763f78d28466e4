"""Loops of which steps stand outside, values made a step ahead, bounds that say nothing: one Algorithm behind all."""

from __future__ import annotations

from dataclasses import replace

import pytest
import ttir_of

from tilewright.families.contraction.lift import lift
from tilewright.records.algorithm import Contraction
from tilewright.records.trial import Lifted, Refusal

M, N, K = 70, 150, 50
SIZES: dict[str, int | float] = {"M": M, "N": N, "K": K}
STRIDES = {"stride_am": K, "stride_ak": 1, "stride_bk": N, "stride_bn": 1, "stride_cm": N, "stride_cn": 1}
BLOCKS: dict[str, object] = {"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16}
MNK = {"a_ptr": (M, K), "b_ptr": (K, N), "c_ptr": (M, N)}


def lifted(
    kernel: str,
    constants: dict[str, object] | None = None,
    *,
    file: str = "idioms",
    grid: tuple[int, int, int] = (3, 3, 1),
    scalars: dict[str, int | float] | None = None,
    dtype: str = "fp32",
) -> Lifted | Refusal:
    tensors = {name: (dtype, shape) for name, shape in MNK.items()}
    sizes, blocks = SIZES | STRIDES | (scalars or {}), BLOCKS | (constants or {})
    return lift(ttir_of.launch(file, kernel, tensors=tensors, scalars=sizes, constants=blocks, grid=grid))


def algorithm(found: Lifted | Refusal) -> Contraction:
    assert isinstance(found, Lifted), found
    assert isinstance(found.algorithm, Contraction)
    return replace(found.algorithm, kernel="")


@pytest.mark.parametrize(
    ("kernel", "constants", "masks", "pointers"),
    [
        ("carried_masks", {"LAG": 16}, "general", "advanced"),
        ("still_mask", {}, "even_k", "advanced"),
        ("prefetched", {"FIRST": 1, "GUARDED": False}, "general", "recomputed"),
        ("prefetched", {"FIRST": 1, "GUARDED": True}, "general", "recomputed"),
        ("two_ahead", {}, "general", "recomputed"),
        ("masked_tail", {"GUARD": "none"}, "general", "advanced"),
        ("masked_tail", {"GUARD": "remainder"}, "general", "advanced"),
        ("masked_tail", {"GUARD": "comparison"}, "general", "advanced"),
        ("first_apart", {}, "general", "advanced"),
        ("backwards", {}, "general", "advanced"),
        ("two_a_step", {}, "general", "advanced"),
        ("unrolled", {"STEPS": 4}, "general", "recomputed"),
        ("remainder_loop", {}, "general", "recomputed"),
    ],
)
def test_the_same_product_however_it_is_written(
    kernel: str, constants: dict[str, object], masks: str, pointers: str
) -> None:
    found = lifted(kernel, constants)
    assert algorithm(found) == algorithm(lifted("plain", file="contractions"))
    assert isinstance(found, Lifted)
    assert (found.schedule.masks, found.schedule.pointers) == (masks, pointers)
    assert (found.schedule.block_k, found.schedule.program_order) == (16, "grid_2d")


@pytest.mark.parametrize(
    ("kernel", "constants", "reason"),
    [
        ("carried_masks", {"LAG": 0}, "not a bound on an index"),
        ("prefetched", {"FIRST": 2, "GUARDED": False}, "in 2 places"),
        ("masked_tail", {"GUARD": "another"}, "in 2 places"),
        ("unrolled", {"STEPS": 3}, "in 3 places"),
    ],
)
def test_what_only_looks_like_it_is_declined(kernel: str, constants: dict[str, object], reason: str) -> None:
    found = lifted(kernel, constants)
    assert isinstance(found, Refusal)
    assert reason in found.reason


@pytest.mark.parametrize("group", [2, 3, 7])
def test_a_rotated_order_is_grouped_and_the_least_of_block_and_rest_says_how_long_k_is(group: int) -> None:
    found = lifted("least_of_block_and_rest", {"BLOCK_M": 16, "GROUP_M": group}, grid=(15, 1, 1))
    assert algorithm(found) == algorithm(lifted("plain", {"BLOCK_M": 16}, file="contractions", grid=(5, 3, 1)))
    assert isinstance(found, Lifted)
    assert (found.schedule.program_order, found.schedule.group_m) == ("grouped", group)
    assert found.schedule.masks == "general"


def test_a_launch_of_the_rotated_order_that_misses_tiles_is_declined() -> None:
    found = lifted("least_of_block_and_rest", {"BLOCK_M": 16, "GROUP_M": 3}, grid=(14, 1, 1))
    assert isinstance(found, Refusal)


def test_a_loop_that_ends_where_its_part_or_k_does() -> None:
    found = lifted("while_in_part", grid=(3, 3, 2), scalars={"parts": 2, "K": 64})
    assert isinstance(found, Lifted), found
    assert algorithm(found).extents == algorithm(lifted("plain", file="contractions")).extents
    assert (found.schedule.split_k, found.schedule.pointers) == (2, "advanced")


@pytest.mark.parametrize("last", [False, True])
def test_reads_that_are_masked_where_they_need_to_be_in_tiles_that_go_to_and_fro(last: bool) -> None:
    found = lifted("masked_where_needed", {"LAST": last}, grid=(9, 1, 1))
    assert algorithm(found) == algorithm(lifted("plain", file="contractions"))
    assert isinstance(found, Lifted)
    assert (found.schedule.masks, found.schedule.program_order) == ("general", "custom")
