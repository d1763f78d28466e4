import pytest

from tilewright.compiler.mix import count_mix, is_memory, is_tensor_core
from tilewright.compiler.sass import parse


def listing(name, *lines):
    return f"Function : {name}\n" + "".join(f"/*{16 * n:04x}*/ {line} ;\n" for n, line in enumerate(lines))


@pytest.mark.parametrize("stem", ["HMMA", "IMMA", "DMMA", "QMMA", "HGMMA", "QGMMA", "IGMMA", "UTCHMMA", "UTCQMMA"])
def test_tensor_core_opcodes(stem):
    assert is_tensor_core(stem)


@pytest.mark.parametrize("stem", ["FFMA", "IMAD", "MOVM", "HFMA2", "UTCBAR", "UTMALDG", "LDSM"])
def test_other_opcodes_are_not_tensor_core(stem):
    assert not is_tensor_core(stem)


def test_spills_and_constants_are_no_memory_traffic_of_the_kernel():
    assert is_memory("LDGSTS")
    assert is_memory("UTMALDG")
    assert not any(is_memory(stem) for stem in ("LDL", "STL", "LDC", "ULDC", "MOV"))


def test_the_main_loop_is_the_innermost_with_tensor_cores():
    text = listing(
        "k",
        "MOV R0, RZ",
        "LDG.E.128 R4, [R2.64]",  # outer loop: 1 … 7
        "HMMA.16816.F32 R0, R4, R5, R0",  # inner loop: 2 … 4
        "LDSM.16.M88.4 R4, [R6]",
        "@P0 BRA 0x20",
        "STG.E [R2.64], R0",
        "STG.E [R2.64+0x10], R1",
        "@P1 BRA 0x10",
        "EXIT",
        "BRA 0x90",
        "NOP",
    )
    mix = count_mix(parse(text), "k")
    assert mix.loop == {"BRA": 1, "HMMA": 1, "LDSM": 1}
    assert mix.loop_modifiers == {"BRA": 1, "HMMA.16816.F32": 1, "LDSM.16.M88.4": 1}
    assert mix.outside == {"BRA": 1, "EXIT": 1, "LDG": 1, "MOV": 1, "STG": 2}


def test_without_tensor_cores_memory_decides():
    text = listing(
        "k", "SYNCS [R1]", "@P0 BRA 0x0", "LDG.E R0, [R2]", "FADD R1, R1, R0", "@P1 BRA 0x20", "STG.E [R2], R1", "EXIT"
    )
    mix = count_mix(parse(text), "k")
    assert mix.loop == {"BRA": 1, "FADD": 1, "LDG": 1}


def test_without_a_loop_all_is_outside_and_callees_count():
    text = listing("k", "LDG.E R0, [R2]", "CALL.REL.NOINC 0x0", "EXIT") + listing("callee", "FADD R0, R0, R0", "NOP")
    mix = count_mix(parse(text), "k")
    assert mix.loop == {}
    assert mix.loop_modifiers == {}
    assert mix.outside == {"CALL": 1, "EXIT": 1, "FADD": 1, "LDG": 1}
