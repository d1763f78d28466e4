import re

from hypothesis import given
from hypothesis import strategies as st

from tilewright.compiler.ttir import strip_locations

LOCATED = """\
#loc = loc("/home/someone/kernel.py":8:1)
#loc1 = loc("x_ptr"(#loc))
module {
  tt.func public @k(%x_ptr: !tt.ptr<f32> {tt.divisibility = 16 : i32} loc("x_ptr"(#loc))) attributes {f = 1} {
    %0 = tt.get_program_id x : i32 loc(#loc2)
    tt.assert %1, "loc(this) stays \\" loc(too)" : tensor<1xi1> loc(callsite(#loc1 at #loc2))
    %2 = arith.addi %0, %0 : i32 loc("a)b"(fused[#loc, #loc2]))
    tt.return loc(#loc)
  } loc(#loc)
} loc(#loc)
#loc2 = loc(unknown)
"""


def test_locations_go_and_messages_stay():
    stripped = strip_locations(LOCATED)
    assert stripped.splitlines() == [
        "module {",
        "  tt.func public @k(%x_ptr: !tt.ptr<f32> {tt.divisibility = 16 : i32}) attributes {f = 1} {",
        "    %0 = tt.get_program_id x : i32",
        '    tt.assert %1, "loc(this) stays \\" loc(too)" : tensor<1xi1>',
        "    %2 = arith.addi %0, %0 : i32",
        "    tt.return",
        "  }",
        "}",
    ]


def test_stripping_twice_changes_nothing_more():
    once = strip_locations(LOCATED)
    assert strip_locations(once) == once


def test_an_unclosed_location_is_left_for_the_parser_to_complain_of():
    assert strip_locations('tt.return loc("x"(#loc)\n') == 'tt.return loc("x"(#loc)\n'


def test_committed_files_hold_no_location(ttir):
    for name in ("add_f32", "row_sum_f32", "persistent_matmul_f16", "matmul_tt_f32"):
        assert ttir(name) == strip_locations(ttir(name))


paths = st.text(st.characters(codec="ascii", exclude_characters='"\\\n\r', categories=["L", "N", "P"]), max_size=20)


@given(paths, st.integers(0, 10**6), st.integers(0, 500))
def test_the_place_of_a_file_does_not_matter(path, line, column):
    text = re.sub(r'"/home/someone/kernel.py":8:1', f'"{path}":{line}:{column}'.replace("\\", "/"), LOCATED)
    assert strip_locations(text) == strip_locations(LOCATED)
