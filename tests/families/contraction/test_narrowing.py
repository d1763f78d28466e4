"""Narrowed operands: where they are legal, and that the guard lets through what is no less exact than TF32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emit_cases import ADA, SUM, Interpreter, apply, launch, lifted, operand, plain, source
from hypothesis import given
from hypothesis import strategies as st

from tilewright import stages
from tilewright.cost import estimate
from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.narrowing import NARROW, wide_schedule
from tilewright.families.contraction.schedule import candidates, illegal
from tilewright.families.contraction.variants import variants
from tilewright.families.contraction.work import work
from tilewright.records.algorithm import Contraction, Loaded, Output
from tilewright.records.launch import TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted
from tilewright.targets import load

H200 = load("h200")
SMALL = {"block_m": 32, "block_n": 64, "block_k": 32}
BESIDE = {"a_layout": "m_major", "b_layout": "k_major", "operand_dtype": NARROW}
FORMS = {
    "described": Schedule(program_order="grouped", group_m=2, descriptors=True, **BESIDE, **SMALL),
    "pointers": Schedule(program_order="row_major", masks="even_k", **BESIDE, **SMALL),
    "persistent": Schedule(program_order="column_major", persistent=True, descriptors=True, **BESIDE, **SMALL),
    "turned": Schedule(descriptors=True, **{**BESIDE, "a_layout": "k_major", "b_layout": "n_major"}, **SMALL),
}


# -- where it is legal and offered ---------------------------------------------------------------------------------


def test_legal_for_float32_products_in_tf32_only() -> None:
    schedule = FORMS["described"]
    assert illegal(schedule, lifted(), H200) is None
    assert illegal(FORMS["pointers"], lifted(), ADA) is None
    half = {"a": replace(plain().a, dtype="fp16"), "b": replace(plain().b, dtype="fp16")}
    others: list[Contraction] = [
        plain(**half),
        plain(a=replace(plain().a, dtype="fp16", casts=("fp32",))),
        plain(input_precision="ieee"),
        plain(input_precision="tf32x3"),
        plain(accumulator_dtype="fp16"),
        plain(apply("add", SUM, Loaded(operand=operand("c_ptr", m="stride_cm", n="stride_cn")))),
        plain(outputs=(replace(plain().outputs[0], atomic=True),)),
    ]
    for contraction in others:
        assert illegal(schedule, lifted(contraction), H200) is not None, contraction
    for changed in ({"a_layout": "as_is", "descriptors": False}, {"split_k": 2}, {"operand_dtype": "bf16"}):
        assert illegal(replace(schedule, **changed), lifted(), H200) is not None, changed  # type: ignore[arg-type]
    assert illegal(FORMS["pointers"], lifted(), replace(ADA, compute_capability=(7, 5))) is not None


def test_an_output_that_is_an_operand_by_another_name_is_no_output_to_write_twice() -> None:
    biased = plain(apply("add", SUM, Loaded(operand=operand("bias_ptr", n="1"))))
    tensors = {"a_ptr": "A", "b_ptr": "B", "bias_ptr": "out", "c_ptr": "out"}
    arguments = tuple(
        TensorArgument(parameter=name, dtype="fp32", shape=(1,), strides=(1,), offset=0, origin=origin)
        for name, origin in tensors.items()
    )
    base = launch()
    same = Lifted(algorithm=biased, schedule=Schedule(), launch=replace(base, arguments=(*base.arguments, *arguments)))
    assert "twice" in (illegal(FORMS["described"], same, H200) or "")


def test_offered_as_the_tensors_lie_where_the_policy_leaves_arithmetic_open() -> None:
    advanced = stages.get("advanced_memory")
    (kept,) = stages.under_policy([advanced], "same")
    (free,) = stages.under_policy([advanced], "no-worse")
    assert free.fields == advanced.fields
    assert set(advanced.fields) - set(kept.fields) == {"operand_dtype"}
    for target, forms in ((H200, {True, False}), (ADA, {False})):
        assert not [one for (one, *_) in candidates(lifted(), target, kept) if one.operand_dtype]
        found = {one for (one, *_) in candidates(lifted(), target, free) if one.operand_dtype}
        assert {(one.a_layout, one.b_layout) for one in found} == {("m_major", "k_major")}
        assert {one.descriptors for one in found} == forms
        assert not [one for one in variants(lifted(), Schedule(), target, kept.fields) if one.operand_dtype]
        assert [one for one in variants(lifted(), Schedule(), target, free.fields) if one.operand_dtype]


def test_a_narrowed_schedule_finds_its_way_back() -> None:
    back = variants(lifted(), FORMS["described"], H200, stages.get("advanced_memory").fields)
    assert any(not one.operand_dtype and one.a_layout == "as_is" for one in back)


def test_the_fallback_is_the_input_s_own_on_one_grid_axis() -> None:
    own = Schedule(program_order="custom", group_m=4, persistent=True, split_k=2, block_m=128, num_warps=8)
    wide = wide_schedule(own)
    assert (wide.program_order, wide.group_m, wide.persistent, wide.split_k) == ("row_major", 1, False, 1)
    assert (wide.block_m, wide.num_warps, wide.input_precision) == (128, 8, "tf32")


def test_both_operands_are_copied_and_multiplied_at_the_16_bit_rate() -> None:
    one = replace(FORMS["described"], block_m=128, block_n=256, block_k=64, num_warps=8)
    own = replace(one, operand_dtype="")
    narrow, wide = (work(lifted(), each, launch()) for each in (one, own))
    assert [*narrow.flops, *wide.flops] == ["tensor_fp16", "tensor_tf32"]
    assert narrow.compute_bytes == 2
    assert (narrow.copies, narrow.small_launches) == (2, 2)
    assert narrow.copied_bytes == 6.0 * (2048 * 8192 + 4096 * 8192)
    assert estimate(narrow, H200).time_us < estimate(wide, H200).time_us


# -- the guard -----------------------------------------------------------------------------------------------------


def cut(x: np.ndarray) -> np.ndarray:
    return (x.view(np.int32) & np.int32(-(1 << 13))).view(np.float32)


def scaled(x: np.ndarray, power: int) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(x * np.float32(2.0**power))


@given(bits=st.integers(-(2**31), 2**31 - 1), power=st.integers(-60, 60))
def test_a_normal_float16_is_never_further_off_than_tf32(bits: int, power: int) -> None:
    x = np.array([bits], np.int32).view(np.float32)
    size = abs(scaled(x, power))
    if not 2.0**-14 <= size[0] <= 65504.0:
        return
    kept = scaled(x, power).astype(np.float16).astype(np.float64) * 2.0**-power
    exact = x.astype(np.float64)
    assert abs(kept - exact) <= abs(cut(x).astype(np.float64) - exact)


GUARD = """
import numpy as np
# boundaries, and what lies next to them on both sides, with patterns of all kinds
edges = np.array([2.0**-14, 65504.0, 65505.0, 65519.0, 65520.0, 65536.0, 1.0, 2.0**-24], np.float32)
near = np.concatenate([edges, np.nextafter(edges, np.float32(0)), np.nextafter(edges, np.float32(np.inf))])
generator = np.random.default_rng(5)
patterns = generator.integers(-2**31, 2**31, 4000).astype(np.int32).view(np.float32)
normal = generator.standard_normal(4000).astype(np.float32)
special = np.array([0.0, -0.0, 1e-45, -1e-40, np.nan, np.inf, -np.inf, 1.17549435e-38], np.float32)
kernel = model.forward.__globals__["matmul_kernel_narrow"]

def narrowed(x, power):
    rows, columns = x.shape
    scale, flags = torch.tensor([2.0**power, 1.0, 1.0]), torch.zeros(5)
    out = torch.empty((rows, columns), dtype=torch.float16)
    programs = -(-rows // 64) * -(-columns // 64)
    kernel[(programs,)](x, out, scale, 0, flags, 1, rows, columns, *x.stride(), columns, BLOCK=64, BY_ROW=True)
    return out.double().numpy() * 2.0**-power, flags.tolist()

with np.errstate(all="ignore"):
    for power in (0, 14, -60, 60, 3):
        x = np.concatenate([near, -near, patterns, normal, special, near * np.float32(2.0**-power)])
        size = np.abs(x * np.float32(2.0**power))
        good = (x == 0) | ((size >= np.float32(2.0**-14)) & (size <= np.float32(65504.0)))
        kept = x[good]
        out, flags = narrowed(torch.from_numpy(np.resize(kept, (65, -(-kept.size // 65)))), power)
        assert not any(flags), (power, "a flag went up for nothing")
        out = out.ravel()[: kept.size]
        cut = (kept.view(np.int32) & np.int32(-8192)).view(np.float32).astype(np.float64)
        exact = kept.astype(np.float64)
        assert (np.abs(out - exact) <= np.abs(cut - exact)).all(), power
        bad = x[~good]
        for value in (*bad[:: max(1, bad.size // 40)], *special[2:]):
            alone = np.abs(np.float32(value) * np.float32(2.0**power))
            if (alone >= np.float32(2.0**-14)) & (alone <= np.float32(65504.0)):
                continue
            among = torch.ones(70, 3) * 2.0**-power
            among[69, 2] = float(value)
            assert narrowed(among, power)[1] == [0.0, 0.0, 1.0, 0.0, 0.0], (power, value)
"""


def written(schedule: Schedule, contraction: Contraction | None = None, before: Schedule | None = None) -> str:
    own = before or Schedule(program_order="row_major", **SMALL)
    text = emit(source(), lifted(contraction, own), (schedule,), docstring="Test.")
    assert isinstance(text, str), text
    return text


def test_the_kernel_s_guard_agrees_with_the_rule_on_every_kind_of_number(
    tmp_path: Path, interpret: Interpreter
) -> None:
    path = tmp_path / "narrow.py"
    path.write_text(written(FORMS["described"]))
    interpret([(path, GUARD)])


# -- whole files ---------------------------------------------------------------------------------------------------

VALUES = """
import importlib.util
spec = importlib.util.spec_from_file_location("wide", WIDE)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
own = module.ModelNew()

def put(x, index, value):
    x = x.clone()
    x.view(-1)[index] = value
    return x

def spread(x, low, high):
    return x * torch.logspace(low, high, x.shape[0], base=2.0)[:, None]

for M, N, K in SHAPES:
    a, b = torch.randn(K, M), torch.randn(N, K)
    a, b = a + a.sign() * 2.0**-8, b + b.sign() * 2.0**-8
    narrow = {
        "ordinary": (a, b), "small": (a * 2.0**-40, b * 2.0**-40), "large": (a * 2.0**50, b),
        "opposite": (a * 2.0**60, b * 2.0**-40), "zeros": (a * 0, b), "sparse": (a * (a > 1), b * (b < -1)),
        "spread": (spread(a, -4, 4), spread(b, 4, -4)), "positive": (a.abs(), b.abs()),
        "strided": (a.t().contiguous().t(), b.repeat_interleave(2, 1)[:, ::2]),
        "expanded": (a[:, :1].expand(K, M), b[:1].expand(N, K)), "whole": (a.round(), b.round()),
    }
    for kind in (KINDS & narrow.keys()) or narrow:
        A, B = narrow[kind]
        exact, magnitude = A.double().T @ B.double().T, A.double().abs().T @ B.double().abs().T
        got = model(A, B)
        error = (got.double() - exact).abs()
        # half a unit of 10 bits for each factor, and the sum's own rounding in float32
        assert (error <= magnitude * (2.0**-10 * 1.01 + K * 2.0**-24)).all(), (name, kind, M, N, K)
        if kind == "ordinary" and K > 1:
            assert not torch.equal(got, own(A, B)), (name, "the fallback was taken for nothing")
    last = a.numel() - 1
    wide = {
        "tiny": (a * 2.0**-100, b * 2.0**80), "huge": (a * 2.0**100, b), "nan": (put(a, last, float("nan")), b),
        "inf": (a, put(b, -1, float("inf"))), "minus inf": (put(a, 0, -float("inf")), b),
        "denormal": (a * 2.0**-130, b), "one denormal": (a, put(b, 0, 1e-40)),
        "one small": (put(a, last, 2.0**-40), b), "rows apart": (spread(a, -40, 40), b),
    }
    for kind in (KINDS & wide.keys()) or wide:
        A, B = wide[kind]
        if K == 1 and kind in ("one small", "one denormal", "rows apart"):
            continue
        assert torch.equal(model(A, B).nan_to_num(7.0), own(A, B).nan_to_num(7.0)), (name, kind, M, N, K)
for M, N, K in ((5, 7, 0), (0, 7, 3), (5, 0, 3)):
    empty = model(torch.randn(K, M), torch.randn(N, K))
    assert empty.shape == (M, N) and (empty == 0).all(), (name, M, N, K)
for dtype, limit in ((torch.float16, 1e-3), (torch.bfloat16, 1e-2)):
    A, B = torch.randn(40, 36, dtype=dtype), torch.randn(20, 40, dtype=dtype)
    exact = A.double().T @ B.double().T
    assert (model(A, B).double() - exact).norm() / exact.norm() < limit, (name, dtype)
"""


def test_files_take_the_fallback_where_an_element_is_out_of_range_and_are_exact_enough_elsewhere(
    tmp_path: Path, interpret: Interpreter
) -> None:
    wide = tmp_path / "wide.py"
    wide.write_text(written(Schedule(program_order="row_major", **SMALL)))
    cases = []
    for name, schedule in FORMS.items():
        path = tmp_path / f"{name}.py"
        path.write_text(written(schedule))
        main = name == "described"
        shapes = "((36, 52, 40), (1, 1, 1))" if main else "((36, 20, 40),)"
        kinds = "set()" if main else "{'ordinary', 'strided', 'nan', 'rows apart'}"
        check = VALUES.replace("WIDE", repr(str(wide))).replace("SHAPES", shapes).replace("KINDS", kinds)
        cases.append((path, check))
    interpret(cases)


STRIPS = """
import importlib.util
spec = importlib.util.spec_from_file_location("wide", WIDE)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
own = module.ModelNew()
M, N, K = 200, 150, 40
a, b = torch.randn(K, M).abs() + 0.1, torch.randn(N, K).abs() + 0.1
for m, n in ((130, None), (None, 70), (0, 149)):
    A, B = a.clone(), b.clone()
    again = torch.zeros(M, N, dtype=torch.bool)
    if m is not None:
        A[3, m] = 2.0**-40
        again[m // 64 * 64 : m // 64 * 64 + 64] = True
    if n is not None:
        B[n, 5] = float("inf")
        again[:, n // 64 * 64 : n // 64 * 64 + 64] = True
    got, wide = model(A, B), own(A, B)
    # a tile of the fallback has 32 rows and 64 columns, as many or fewer than a strip
    assert torch.equal(got[again], wide[again]), (name, m, n)
    kept = got[~again]
    assert ((kept - wide[~again]).abs() <= wide[~again] * 2.0**-10).all(), (name, m, n)
    assert (kept != wide[~again]).float().mean() > 0.9, (name, m, n, "more was computed again than had to be")
"""


def test_only_the_tiles_of_a_strip_with_such_an_element_are_computed_again(
    tmp_path: Path, interpret: Interpreter
) -> None:
    wide = tmp_path / "wide.py"
    wide.write_text(written(Schedule(program_order="row_major", **SMALL)))
    cases = []
    for name, big in (("described", 32), ("turned", 64)):
        path = tmp_path / f"{name}.py"
        path.write_text(written(replace(FORMS[name], block_m=2 * big, block_n=big)))
        cases.append((path, STRIPS.replace("WIDE", repr(str(wide)))))
    interpret(cases)


OUTLIER = """
A, B = torch.ones(100, 100), torch.ones(20, 100)
for factor, is_wide in ((2.0, False), (2.0**30, True)):
    # every third element is looked at for the scale, and the second is none of them
    A.view(-1)[1] = factor
    exact = A.double().T @ B.double().T
    assert ((model(A, B).double() - exact).abs() <= exact * 2.0**-10).all(), (name, factor)
    scale = model.forward.__globals__["matmul_kernel_scales"]
    space, flags = torch.empty(3), torch.ones(5000)
    scale[(1,)](A, B, space, flags, 4999, 100, 100, 100, 1, 20, 100, 100, 1, SAMPLE=4096)
    assert space.tolist() == [2.0**14, 2.0**14, 2.0**-28], (name, space)
    assert flags.sum() == 1.0 == flags[-1], (name, "every flag is put down, and nothing behind them")
"""


def test_an_outlier_that_the_sample_misses_raises_the_flag(tmp_path: Path, interpret: Interpreter) -> None:
    path = tmp_path / "outlier.py"
    path.write_text(written(FORMS["described"]))
    interpret([(path, OUTLIER)])


BATCHED = """
x, w = torch.randn(3, 20, 36), torch.randn(36, 70)
one = x.clone()
one[1, 3, 4] = 2.0**-60
none = torch.randn(0, 20, 36)
for X, limits in ((x, (1e-3,) * 3), (x * 2.0**100, (1e-6,) * 3), (none, ()), (one, (1e-3, 1e-6, 1e-3))):
    exact = X.double() @ w.double()
    got = model(X, w).double()
    assert got.shape == exact.shape
    for batch, limit in enumerate(limits):
        error = (got[batch] - exact[batch]).norm() / exact[batch].norm()
        assert limit / 100 < error * (1e3 if limit < 1e-3 else 1.0) and error < limit, (name, batch, error)
"""
BMM = """\
import torch
import triton
import triton.language as tl


@triton.jit
def bmm_kernel(x_ptr, w_ptr, out_ptr, B, M, N, K, sb, sm, sk, wk, wn):
    pass


def bmm(x, w):
    B, M, K = x.shape
    N = w.shape[-1]
    out = torch.empty((B, M, N), device=x.device, dtype=x.dtype)
    bmm_kernel[(B, 1, 1)](x.view(B, M, K), w, out, B, M, N, K, x.stride(0), x.stride(1), x.stride(2), *STRIDES)
    return out


class ModelNew(torch.nn.Module):
    def forward(self, x, w):
        return bmm(x, w)
""".replace("*STRIDES", "w.stride(0), w.stride(1)")


@pytest.mark.parametrize("described", [True, False])
def test_a_batch_that_only_one_operand_has(tmp_path: Path, described: bool, interpret: Interpreter) -> None:
    contraction = Contraction(
        kernel="bmm_kernel",
        extents={"m": "M", "n": "N", "k": "K", "b0": "B"},
        batch_axes=("b0",),
        a=operand("x_ptr", m="sm", k="sk", b0="sb"),
        b=operand("w_ptr", k="wk", n="wn"),
        accumulator_dtype="fp32",
        input_precision="tf32",
        outputs=(Output(operand=operand("out_ptr", m="N", n="1", b0="M * N"), value=SUM),),
    )
    values = {"B": 3, "M": 20, "N": 70, "K": 36, "sb": 720, "sm": 36, "sk": 1, "wk": 70, "wn": 1}
    given_ = Lifted(
        algorithm=contraction,
        schedule=Schedule(program_order="row_major", **SMALL),
        launch=launch(kernel="bmm_kernel", grid=(3, 1, 1), **values),
    )
    schedule = Schedule(
        program_order="row_major",
        a_layout="k_major",
        b_layout="n_major",
        descriptors=described,
        operand_dtype=NARROW,
        **SMALL,
    )
    assert illegal(schedule, given_, H200) is None
    text = emit(source(BMM), given_, (schedule,), docstring="Test.")
    assert isinstance(text, str), text
    path = tmp_path / "batched.py"
    path.write_text(text)
    interpret([(path, BATCHED)])
