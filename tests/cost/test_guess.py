import json
from dataclasses import replace
from pathlib import Path

import pytest
from cost_cases import ADA, HOPPER, contraction, in_half_precision, load, pointwise

from tilewright.cost import compare, estimate, guess
from tilewright.cost.guess import matrix_path, warp_grid
from tilewright.families.contraction.emit_parts import HELD_VALUES

BUILDS = json.loads((Path(__file__).parents[1] / "data" / "cost_builds.json").read_text(encoding="utf-8"))["rows"]


def work_of(dtype, tile, warps, stages):
    work = contraction(tile=tuple(tile), warps=warps, stages=stages)
    return in_half_precision(work) if dtype == "fp16" else work


@pytest.mark.parametrize("row", BUILDS, ids=lambda row: " ".join(str(value) for value in row[:7]))
def test_shared_memory_is_guessed_exactly_and_registers_roughly(row):
    dtype, sm, *tile, warps, stages, shared, registers = row
    found = guess(replace(ADA, compute_capability=divmod(sm, 10)), work_of(dtype, tile, warps, stages))
    assert found.shared_bytes == shared
    # A single stage is far off on Hopper: the operands pass through registers there.
    assert stages == 1 or abs(found.registers_per_thread - registers) <= 0.3 * registers


@pytest.mark.parametrize(
    "row", load("h200")["rows"], ids=lambda row: f"{row['code']} {row['block_m']} {row['block_n']}"
)
def test_shared_memory_as_the_driver_reported_it(row):
    target = HOPPER if row["code"] == "sm_90" else replace(HOPPER, compute_capability=(8, 9))
    tile = (row["block_m"], row["block_n"], row["block_k"])
    assert guess(target, work_of("fp32", tile, row["num_warps"], row["num_stages"])).shared_bytes == row["shared_bytes"]


@pytest.mark.parametrize(
    ("dtype", "tile", "warps", "stages", "persistent", "shared"),
    [
        ("fp32", (128, 256, 32), 8, 4, False, 196640),
        ("fp32", (64, 64, 64), 4, 3, False, 98328),
        ("fp32", (128, 256, 32), 8, 3, True, 213016),
        ("fp16", (128, 256, 64), 8, 3, False, 147480),
        ("fp16", (128, 256, 64), 8, 4, True, 229408),
    ],
)
def test_shared_memory_beside_descriptors_as_built_for_hopper(dtype, tile, warps, stages, persistent, shared):
    work = replace(work_of(dtype, tile, warps, stages), descriptors=True, persistent=persistent)
    assert guess(HOPPER, work).shared_bytes == shared


@pytest.mark.parametrize(
    ("dtype", "tile", "warps", "stages", "persistent", "parts", "shared", "registers"),
    [
        ("fp16", (128, 256, 64), 8, 4, False, 4, 196640, 169),
        ("fp16", (128, 256, 64), 8, 4, True, 4, 213024, 201),
        ("fp32", (128, 256, 32), 8, 4, True, 4, 229408, 255),
        ("fp16", (256, 128, 64), 8, 4, True, 4, 204832, 213),
        ("fp16", (128, 128, 64), 4, 5, True, 4, 167976, 213),
        ("fp16", (128, 128, 64), 4, 3, False, 4, 98328, 177),
        ("fp16", (128, 128, 64), 8, 4, False, 2, 131104, 117),
        ("fp16", (128, 64, 64), 4, 3, False, 2, 73752, 120),
        ("fp16", (128, 64, 64), 4, 4, False, 1, 98336, 158),
    ],
)
def test_parts_of_a_demanding_epilogue_as_built_for_hopper(
    dtype, tile, warps, stages, persistent, parts, shared, registers
):
    work = replace(
        work_of(dtype, tile, warps, stages),
        descriptors=True,
        persistent=persistent,
        stored_bytes=2 if dtype == "fp16" else 4,
        epilogue_parts=parts,
        epilogue_values=HELD_VALUES,
    )
    found = guess(HOPPER, work)
    assert found.shared_bytes == shared
    assert abs(found.wanted_registers - registers) <= 0.3 * registers


def test_a_demanding_epilogue_at_once_wants_more_registers_than_there_are():
    work = replace(work_of("fp16", (128, 256, 64), 8, 4), descriptors=True, epilogue_values=HELD_VALUES)
    assert guess(HOPPER, replace(work, epilogue_parts=2)).wanted_registers < HOPPER.max_registers_per_thread
    assert guess(HOPPER, work).wanted_registers > HOPPER.max_registers_per_thread


@pytest.mark.parametrize(
    ("tile", "warps", "expected"),
    [
        ((64, 64), 4, (2, 2)),
        ((128, 64), 4, (2, 2)),
        ((128, 128), 8, (2, 4)),
        ((256, 64), 8, (4, 2)),
        ((64, 256), 8, (1, 8)),
        ((16, 16), 8, (2, 4)),
    ],
)
def test_warps_share_a_tile_as_triton_lays_them_out(tile, warps, expected):
    # The first five are told by the fragment loads in builds of these tiles.
    along_m, along_n = warp_grid(contraction(tile=(*tile, 32), warps=warps), "mma_sync")
    assert along_m * along_n == warps
    if tile != (16, 16):
        assert (along_m, along_n) == expected


@pytest.mark.parametrize(
    ("capability", "tile", "path"),
    [
        ((7, 5), (64, 64, 32), "none"),
        ((8, 9), (64, 64, 32), "mma_sync"),
        ((9, 0), (64, 64, 32), "wgmma"),
        ((9, 0), (32, 64, 32), "mma_sync"),
        ((10, 0), (128, 64, 32), "tcgen05"),
        ((12, 0), (128, 64, 32), "mma_sync"),
    ],
)
def test_the_matrix_path_of_each_generation(capability, tile, path):
    assert matrix_path(replace(ADA, compute_capability=capability), contraction(tile=tile)) == path


def test_a_tile_that_must_spill_is_not_the_favourite():
    huge = contraction(tile=(256, 256, 32), warps=8, stages=2)
    found = guess(ADA, huge)
    assert found.wanted_registers > 1.15 * found.registers_per_thread
    good = contraction(tile=(128, 128, 32), warps=8)
    assert compare(estimate(huge, ADA), estimate(good, ADA)).certain


def test_an_untiled_kernel_takes_little():
    found = guess(ADA, pointwise(bytes_read=1.0, bytes_written=1.0))
    assert found.shared_bytes == 0
    assert found.registers_per_thread <= 64
