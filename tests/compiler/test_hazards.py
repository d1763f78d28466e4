"""Products whose operands are overwritten while they run, told from those that are not."""

from __future__ import annotations

import pytest

from tilewright.compiler.hazards import overwrites_operands

FROM_REGISTERS = """\
    wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 {%r225,%r226}, {%r1, %r2,%r3,%r4}, %rd9, p, 1, 1;
    wgmma.commit_group.sync.aligned;
"""
FROM_SHARED = """\
    wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 {%r225,%r226}, %rd8, %rd9, p, 1, 1, 0, 0;
    wgmma.commit_group.sync.aligned;
"""
LOADED = "    ld.shared.b32 \t%r1, [%r50];\n    and.b32 \t%r2, %r51, -8192;\n"
MOVED = "".join(f"    mov.b32 %r{number}, %r{number + 60};\n" for number in range(1, 5))
ALL = "    wgmma.wait_group.sync.aligned 0;\n"
SOME = "    wgmma.wait_group.sync.aligned 3;\n"


@pytest.mark.parametrize(
    ("ptx", "expected"),
    [
        pytest.param(LOADED + FROM_REGISTERS + SOME + ALL, True, id="in flight"),
        pytest.param(LOADED + FROM_REGISTERS + ALL, False, id="waited for"),
        pytest.param(LOADED + MOVED + FROM_REGISTERS + SOME + ALL, False, id="registers of its own"),
        pytest.param(MOVED.replace("%r4,", "%r5,") + FROM_REGISTERS + SOME, True, id="one register not its own"),
        pytest.param(MOVED + FROM_REGISTERS + SOME + FROM_REGISTERS + SOME, True, id="moved too early"),
        pytest.param(FROM_SHARED + SOME + ALL, False, id="from shared memory"),
        pytest.param("add.s32 %r1, %r2, %r3;", False, id="no product"),
    ],
)
def test_registers_that_a_running_product_reads(ptx: str, expected: bool) -> None:
    assert overwrites_operands(ptx) is expected
