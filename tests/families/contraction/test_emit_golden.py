"""Emitted files, whole, as they are meant to read. TILEWRIGHT_UPDATE_GOLDEN=1 writes them again."""

import os
from pathlib import Path

import pytest
from emit_cases import BATCHED, apply, batched, lifted, operand, plain, source

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
