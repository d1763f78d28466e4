"""Triangles: what is skipped, what is read of them, and where; emitted files run in the interpreter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emit_cases import Interpreter, launch, lifted, plain, source
from hypothesis import given
from hypothesis import strategies as st

from tilewright import targets
from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.layouts import layout_choices
from tilewright.families.contraction.schedule import illegal
from tilewright.families.contraction.triangles import last_first, steps_of_programs
from tilewright.families.contraction.work import work
from tilewright.records.algorithm import Contraction, Order
from tilewright.records.schedule import Schedule

H200 = targets.load("h200")
SMALL = {"block_m": 32, "block_n": 64, "block_k": 32}
LARGE = {"block_m": 128, "block_n": 64, "block_k": 32}
"""Longer than the tiles that are copied one by one."""
PLACED = {"a_layout": "m_major", "b_layout": "k_major"}
MASKED = {
    "grid_2d": Schedule(**SMALL),
    "row_major": Schedule(program_order="row_major", pointers="advanced", masks="even_k", **SMALL),
    "split": Schedule(program_order="grouped", group_m=2, split_k=4, **SMALL),
    "persistent": Schedule(program_order="column_major", persistent=True, masks="wrapped", **SMALL),
}
COPIED = {
    "described": Schedule(descriptors=True, **PLACED, **LARGE),
    "packed": Schedule(program_order="grouped", group_m=2, pointers="advanced", **PLACED, **LARGE),
    "packed_split": Schedule(split_k=2, masks="even_k", a_layout="k_major", b_layout="n_major", **LARGE),
    "narrowed": Schedule(program_order="row_major", descriptors=True, operand_dtype="fp16", **PLACED, **LARGE),
}

CHECK = """
empty = torch.empty
for M, N, K in SHAPES:
    a, b = torch.randn(K, M), torch.randn(N, K)
    A, B, outside = a.double().T, b.double().T, torch.full((M, N), 7.0, dtype=torch.float64)
    for x, kept in ((a, KEPT_A), (b, KEPT_B)):  # what lies outside of a triangle may be anything
        x.T[~kept(torch.ones(x.T.shape, dtype=torch.bool))] = float("nan")
    exact = WANTED
    torch.empty = lambda *size, **options: empty(*size, **options).fill_(7)
    found = model(a, b).double()
    torch.empty = empty
    assert ((found - exact).abs() < LIMIT).all(), (name, M, N, K)
"""
WHOLE = "(lambda x: x)"
TRIANGLES = {
    "upper": ("torch.triu", "torch.triu", "torch.triu(torch.triu(A) @ torch.triu(B))"),
    "result": (WHOLE, WHOLE, "torch.triu(A @ B, 2)"),
    "lower": ("(lambda x: x.tril(-1))", WHOLE, "torch.tril(torch.tril(A, -1) @ B, -1) + torch.triu(outside)"),
}
FORMS = {
    "upper": ("grid_2d", "split", "persistent", *COPIED),
    "result": ("split",),
    "lower": ("row_major", "described", "narrowed"),
}


def triangles(which: str) -> Contraction:
    whole = plain()
    (out,) = whole.outputs
    if which == "lower":
        below = replace(whole.a, orders=(Order(low="k", high="m", gap=1),))
        return replace(whole, a=below, outputs=(replace(out, orders=(Order(low="n", high="m", gap=1),)),))
    if which == "result":
        return replace(whole, outputs=(replace(out, orders=(Order(low="m", high="n", gap=2),), zero_outside=True),))
    a = replace(whole.a, orders=(Order(low="m", high="k"),))
    b = replace(whole.b, orders=(Order(low="k", high="n"),))
    return replace(whole, a=a, b=b, outputs=(replace(out, orders=(Order(low="m", high="n"),), zero_outside=True),))


def test_every_form_is_right_and_reads_nothing_outside(tmp_path: Path, interpret: Interpreter) -> None:
    cases = []
    for which, name in ((which, name) for which, names in FORMS.items() for name in names):
        schedule = {**MASKED, **COPIED}[name]
        assert illegal(schedule, lifted(triangles(which)), H200) is None
        text = emit(source(), lifted(triangles(which)), (schedule,), docstring="Test.")
        assert isinstance(text, str), text
        path = tmp_path / f"{which}_{name}.py"
        path.write_text(text)
        kept_a, kept_b, wanted = TRIANGLES[which]
        check = CHECK.replace("KEPT_A", kept_a).replace("KEPT_B", kept_b).replace("WANTED", wanted)
        check = check.replace("LIMIT", "5e-2" if schedule.operand_dtype else "1e-4")
        shapes = "[(129, 70, 65), (1, 1, 1)]" if name in MASKED else "[(200, 130, 100)]"
        cases.append((path, check.replace("SHAPES", shapes)))
    interpret(cases)


def test_a_copy_goes_no_farther_than_tiles_reach() -> None:
    text = emit(source(), lifted(triangles("upper")), (COPIED["described"],), docstring="Test.")
    assert isinstance(text, str)
    assert "REACH=160" in text
    assert "& (" not in text.split("for k in range")[1].split("tl.dot")[0]


def test_heavy_tiles_come_first() -> None:
    upper, lower = triangles("upper"), triangles("lower")
    assert [last_first(upper, axis) for axis in "mn"] == [False, True]
    assert [last_first(lower, axis) for axis in "mn"] == [True, False]
    assert not any(last_first(plain(), axis) for axis in "mn")
    for order, turned in (("grid_2d", "pid_n"), ("column_major", "pid_n"), ("row_major", ""), ("grid_2d_swapped", "")):
        text = emit(source(), lifted(upper), (Schedule(program_order=order, **SMALL),), docstring="Test.")
        assert isinstance(text, str)
        assert ("- 1 - " in text) == bool(turned), order
        assert f"- 1 - {turned}" in text or not turned


@given(which=st.sampled_from(sorted(TRIANGLES)), m=st.integers(1, 9), n=st.integers(1, 9), k=st.integers(1, 9))
def test_the_steps_of_a_tile_are_those_that_count(which: str, m: int, n: int, k: int) -> None:
    contraction = triangles(which)
    orders = {*contraction.a.orders, *contraction.b.orders, *contraction.outputs[0].orders}
    place = dict(zip("mnk", np.ogrid[:m, :n, :k], strict=True))
    kept = np.ones((m, n, k), dtype=bool)
    for order in orders:
        kept &= place[order.low] + order.gap <= place[order.high]
    ones = Schedule(block_m=1, block_n=1, block_k=1)
    mean, most = steps_of_programs(contraction, ones, (m, n, k))
    assert mean == pytest.approx(kept.sum() / (m * n))
    assert most == kept.sum(axis=2).max()


def test_the_input_walks_all_steps_and_what_is_emitted_walks_few() -> None:
    square = lifted(triangles("upper"), M=4096, N=4096, K=4096, stride_am=1, stride_ak=4096, stride_bk=1,
                    stride_bn=4096, stride_cm=4096, stride_cn=1)  # fmt: skip
    schedule = Schedule(block_m=64, block_n=64, block_k=32)
    before = work(square, schedule, square.launch, as_input=True)
    after = work(square, schedule, square.launch)
    assert before.flops == {"tensor_tf32": 2.0 * 4096**3}
    assert after.flops["tensor_tf32"] / before.flops["tensor_tf32"] == pytest.approx(1 / 6, rel=0.1)
    assert after.minimum_dram_bytes == pytest.approx((1 / 2 + 1 / 2 + 1) * 4 * 4096**2, rel=0.01)
    packed = work(square, replace(schedule, **PLACED), square.launch)  # type: ignore[arg-type]
    assert (before.most_k_steps, packed.most_k_steps) == (0, 128)
    assert [one.one_by_one for one in (*before.operands, *packed.operands)] == [True, True, False, False]
    assert packed.copies == 2
    assert packed.copied_bytes == pytest.approx(2 * 4 * 4096**2, rel=0.01)


def test_triangles_are_offered_as_copies_that_lie_as_they_do() -> None:
    offered = layout_choices(triangles("upper"), launch(), H200)
    assert {**PLACED, "descriptors": False} in offered
    assert {**PLACED, "descriptors": True} in offered
    assert {**PLACED, "descriptors": False} not in layout_choices(plain(), launch(), H200)


def test_tiles_of_unlike_steps_are_not_walked_as_one_loop() -> None:
    schedule = replace(COPIED["described"], program_order="row_major", persistent=True)
    assert illegal(schedule, lifted(), H200) is None
    for which in TRIANGLES:
        assert "same steps" in (illegal(schedule, lifted(triangles(which)), H200) or "")
