from hypothesis import given
from hypothesis import strategies as st

from tilewright.compiler.flow import find_loops
from tilewright.compiler.sass import Instruction, parse


def code(*lines):
    text = "".join(f"/*{16 * n:04x}*/ {line} ;\n" for n, line in enumerate(lines))
    return parse("Function : k\n" + text)["k"]


def shape(instructions):
    return [(loop.head // 16, sorted(address // 16 for address in loop.members)) for loop in find_loops(instructions)]


def test_straight_code_has_no_loop():
    assert shape(code("MOV R1, R2", "EXIT", "BRA 0x20")) == []
    assert shape(()) == []


def test_a_loop_behind_a_guard():
    lines = code("@!P0 BRA 0x40", "FFMA R0, R0, R0, R0", "IADD3 R1, R1, 0x1, RZ", "@P1 BRA 0x10", "EXIT", "BRA 0x50")
    assert shape(lines) == [(1, [1, 2, 3])]


def test_an_inner_loop_lies_within_the_outer():
    lines = code("MOV R1, RZ", "MOV R2, RZ", "HMMA R0, R0, R0, R0", "@P0 BRA 0x20", "@P1 BRA 0x10", "EXIT")
    assert shape(lines) == [(1, [1, 2, 3, 4]), (2, [2, 3])]


def test_a_waiting_loop_moved_behind_the_end_belongs_to_the_loop_that_waits():
    lines = code(
        "MOV R1, RZ",
        "SYNCS.PHASECHK P0, [R1]",  # 1: head of the main loop
        "@!P0 BRA 0x60",  # 2: not ready: wait out of line
        "UTCHMMA R0, R0",  # 3
        "BRA.U UP0, 0x10",  # 4
        "EXIT",  # 5
        "SYNCS.PHASECHK P0, [R1]",  # 6
        "@!P0 BRA 0x60",  # 7
        "BRA 0x30",  # 8: backwards, and yet no loop of its own
    )
    assert shape(lines) == [(1, [1, 2, 3, 4, 6, 7, 8]), (6, [6, 7])]


def test_a_convergence_barrier_leads_to_the_place_it_names():
    lines = code(
        "BSSY B0, 0x40",
        "@P0 BRA 0x60",
        "FADD R0, R0, R0",
        "BSYNC B0",
        "IADD3 R1, R1, 0x1, RZ",
        "EXIT",
        "FMUL R0, R0, R0",  # 6: rare path, out of line
        "BSYNC B0",  # 7: goes on at 4
    )
    assert shape(lines) == []
    back = code("MOV R0, RZ", "BSSY B0, 0x10", "@P0 BRA 0x50", "BSYNC B0", "EXIT", "FMUL R0, R0, R0", "BSYNC B0")
    assert shape(back) == [(1, [1, 2, 3, 5, 6])]


def test_a_loop_behind_a_jump_table_is_found():
    """No edge is known to lead there: the partitions of a warp-specialised kernel look like this."""
    lines = code("BRX R2 -0x10", "EXIT", "HMMA R0, R0, R0, R0", "@P0 BRA 0x20", "EXIT")
    assert shape(lines) == [(2, [2, 3])]


def test_two_branches_back_to_one_head_are_one_loop():
    lines = code("MOV R0, RZ", "FADD R0, R0, R0", "@P0 BRA 0x10", "FMUL R0, R0, R0", "@P1 BRA 0x10", "EXIT")
    assert shape(lines) == [(1, [1, 2, 3, 4])]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=12))
def test_every_loop_of_a_random_graph_is_entered_at_its_head(branches):
    """Members outside the head may only be entered from other members: what makes a loop natural."""
    instructions = tuple(
        Instruction(address=n, predicate="P0" if guarded else "", mnemonic="BRA", operands=(hex(target),))
        for n, (guarded, target) in enumerate(branches)
    )
    following = {i.address: {i.target} | ({i.address + 1} if i.conditional else set()) for i in instructions}
    for loop in find_loops(instructions):
        assert loop.head in loop.members
        assert any(loop.head in following[member] for member in loop.members)
        for node in following.keys() - loop.members:
            assert not (following[node] & (loop.members - {loop.head}))
