from hypothesis import given
from hypothesis import strategies as st

from tilewright.compiler.sass import parse

LISTING = """
\tcode for sm_89
\t\tFunction : k
\t.headerflags\t@"EF_CUDA_SM89"
        /*0000*/                   MOV R1, c[0x0][0x28] ;                     /* 0x00000a0000017a02 */
                                                                              /* 0x000fe40000000f00 */
        /*0010*/              @!P0 BRA 0x40 ;                                 /* 0x0000191000008947 */
        /*0020*/                   HMMA.1688.F32.TF32 R4, R8.reuse, R2, R4 ;  /* 0x0 */
        /*0030*/               @P5 BRA 0x20   &req={1,0} ?trans5;             /* 0x0 */
        /*0040*/              @!PT LDS RZ, [RZ] ;                             /* 0x0 */
        /*0050*/                   BRA.U !UP0, 0x20 ;                         /* 0x0 */
        /*0060*/              @UP1 UIADD3 UR4, UR4, 0x1, URZ ;                /* 0x0 */
        /*0070*/                   EXIT ;                                     /* 0x0 */
        /*0080*/                   BRA 0x80;                                  /* 0x0 */
        /*0090*/                   NOP;                                       /* 0x0 */
\t\t..........
\t\tFunction : helper
        /*0000*/                   RET.REL.NODEC R2 0x0 ;                     /* 0x0 */
"""


def at(address):
    return next(i for i in parse(LISTING)["k"] if i.address == address)


def test_functions_are_kept_apart():
    functions = parse(LISTING)
    assert list(functions) == ["k", "helper"]
    assert len(functions["k"]) == 10
    assert [i.mnemonic for i in functions["helper"]] == ["RET.REL.NODEC"]


def test_mnemonic_stem_and_operands():
    hmma = at(0x20)
    assert (hmma.stem, hmma.mnemonic) == ("HMMA", "HMMA.1688.F32.TF32")
    assert hmma.operands == ("R4", "R8.reuse", "R2", "R4")
    assert hmma.predicate == ""


def test_scheduling_hints_are_no_operands():
    assert at(0x30).operands == ("0x20",)
    assert at(0x30).target == 0x20


def test_conditions_of_branches():
    assert at(0x10).conditional
    assert at(0x50).conditional
    assert at(0x50).target == 0x20
    assert not at(0x80).conditional
    assert at(0x60).predicate == "UP1"


def test_padding_and_what_never_runs_do_not_count():
    counted = [i.address for i in parse(LISTING)["k"] if i.counts]
    assert counted == [0x00, 0x10, 0x20, 0x30, 0x50, 0x60, 0x70]


def test_text_without_code_has_no_functions():
    assert parse("nothing to see\n/*0000*/ NOP ;\n") == {}


@given(st.text(max_size=300))
def test_any_text_after_a_function_s_name_is_read_as_that_function(text):
    assert "k" in parse("\t\tFunction : k\n" + text)
