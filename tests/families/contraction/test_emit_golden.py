"""Emitted files, whole, as they are meant to read. TILEWRIGHT_UPDATE_GOLDEN=1 writes them again."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from emit_cases import BATCH, BATCHED, apply, batched, laid_out, lifted, one_batch, operand, plain, source

from tilewright.families.contraction.emit import emit
from tilewright.records.algorithm import Accumulated, Loaded
from tilewright.records.schedule import Schedule

GOLDEN = Path(__file__).parents[2] / "golden"
NOTE = "C = A.T @ B.T.\n\nWhat changed, and why, stands here."
GROUPED = Schedule(program_order="grouped", group_m=8, pointers="advanced", num_warps=8, num_stages=2)
VALUES = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wb": 2520, "stride_wk": 70, "HEADS": 2}


def blocks(*sizes: tuple[int, int, int]) -> tuple[Schedule, ...]:
    return tuple(
        Schedule(program_order="grouped", group_m=8, num_stages=2, num_warps=8, block_m=m, block_n=n, block_k=k)
        for m, n, k in sizes
    )


TILE = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}
DESCRIBED = Schedule(
    program_order="grouped", group_m=16, a_layout="k_major", b_layout="k_major", descriptors=True, **TILE
)
CROSSWISE = replace(DESCRIBED, a_layout="m_major", b_layout="n_major", block_k=64, num_stages=3)
ONE_BATCH = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wk": 70, "stride_wn": 1}


CASES = {
    "grouped_tuned_blocks": (source(), lifted(), blocks((128, 128, 32), (128, 64, 32), (64, 64, 64))),
    "tuned_launch": (source(), lifted(), (Schedule(num_warps=4), Schedule(num_warps=8, num_stages=2))),
    "split_k": (source(), lifted(), (Schedule(split_k=4, program_order="row_major", masks="wrapped"),)),
    "persistent_even_k": (
        source(),
        lifted(),
        (Schedule(program_order="column_major", persistent=True, masks="even_k"),),
    ),
    "batched_gelu": (source(BATCHED), lifted(batched(), kernel="bmm_kernel", **VALUES), (Schedule(),)),
    "residual": (
        source(),
        lifted(
            plain(
                apply("add", Accumulated(dtype="fp32"), Loaded(operand=operand("c_ptr", m="stride_cm", n="stride_cn")))
            )
        ),
        (GROUPED,),
    ),
    **{
        f"descriptors_{layout.lower()}": (source(laid_out(layout)), lifted(), (DESCRIBED,))
        for layout in ("NN", "NT", "TN", "TT")
    },
    "descriptors_crosswise": (source(), lifted(), (CROSSWISE,)),
    "descriptors_tuned_launch": (source(), lifted(), (DESCRIBED, replace(DESCRIBED, num_stages=3))),
    "descriptors_split_k": (source(), lifted(), (replace(DESCRIBED, split_k=2),)),
    "descriptors_persistent": (source(), lifted(), (replace(DESCRIBED, persistent=True),)),
    "descriptors_batched_gelu": (source(BATCH), lifted(one_batch(), kernel="bmm_kernel", **ONE_BATCH), (DESCRIBED,)),
    "k_major_pointers": (source(), lifted(), (replace(GROUPED, a_layout="k_major"),)),
}


@pytest.mark.parametrize("name", CASES)
def test_emitted_file_reads_as_the_golden_one(name: str) -> None:
    given, contraction, plan = CASES[name]
    text = emit(given, contraction, plan, docstring=NOTE)
    assert isinstance(text, str), text
    path = GOLDEN / f"{name}.py"
    if os.environ.get("TILEWRIGHT_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    compile(text, name, "exec")
