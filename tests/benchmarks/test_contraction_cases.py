"""Names, the choice of cases, and the least time of one."""

from __future__ import annotations

from itertools import product

import pytest
from contraction_cases import DTYPES, EPILOGUES, LAYOUTS, SHAPES, Case, chosen_cases, every_case, roofline, usual_cases

from tilewright import targets
from tilewright.source import parse_inputs

SHAPE = {shape.name: shape for shape in SHAPES}


def names(cases: tuple[Case, ...]) -> list[str]:
    return [case.name for case in cases]


def test_names_are_unique_and_choose_their_case() -> None:
    found = names(every_case())
    assert len(set(found)) == len(found)
    assert names(chosen_cases(["seed.tt.fp32", "4096.nt.fp16.gelu"])) == ["4096.nt.fp16.gelu", "seed.tt.fp32"]


def test_the_usual_table_has_every_value_of_every_axis_in_every_type() -> None:
    found = usual_cases()
    assert 60 <= len(found) <= 80
    for part, values in (("shape", SHAPES), ("layout", LAYOUTS), ("epilogue", EPILOGUES)):
        seen = {(getattr(case, part), case.dtype) for case in found}
        assert seen == set(product(values, DTYPES)), part
    assert {"seed.tt.fp32", "4096.nt.fp16.gelu"} <= set(names(found))
    assert set(found) <= set(every_case())


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        pytest.param(["seed.*.fp32"], 4, id="layouts, without epilogue"),
        pytest.param(["seed.*.fp32*"], 8, id="layouts, with and without"),
        pytest.param(["m1*.nt.bf16"], 3, id="several shapes"),
        pytest.param(["seed.tt.????", "seed.tt.fp32"], 3, id="twice the same"),
    ],
)
def test_patterns(patterns: list[str], count: int) -> None:
    assert len(chosen_cases(patterns)) == count


def test_a_pattern_that_fits_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="--cases 512"):
        chosen_cases(["seed.tt.fp32", "512.*"])


def test_all() -> None:
    whole = len(SHAPES) * len(LAYOUTS) * len(DTYPES) * len(EPILOGUES)
    without_batch_of_a_transposed = 2 * len(DTYPES) * len(EPILOGUES)
    assert len(chosen_cases([], everything=True)) == whole - without_batch_of_a_transposed


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("seed.tt.fp32", "A=f32[8192,2048] B=f32[4096,8192]"),
        ("ragged.nn.fp16.gelu", "A=f16[8205,2949] B=f16[2949,5921] bias=f16[5921]"),
        ("batch.tn.bf16", "A=bf16[128,1024,512] B=bf16[128,1024,2048]"),
        ("3d2d.nt.fp32", "A=f32[16,1024,2048] B=f32[768,2048]"),
    ],
)
def test_inputs(name: str, spec: str) -> None:
    (case,) = chosen_cases([name])
    assert case.spec == spec
    assert parse_inputs(spec) == case.inputs


@pytest.mark.parametrize(
    ("name", "time_us", "binds"),
    [
        pytest.param("seed.tt.fp32", 2 * 2048 * 4096 * 8192 / 494.7e6, "tensor", id="products"),
        pytest.param("batch.nn.fp16", 128 * 2 * 512 * 2048 * 1024 / 989.4e6, "tensor", id="products of a batch"),
        pytest.param("m1.nt.fp16", 2 * (8192 * 8192 + 2 * 8192) / 4.8e6, "dram", id="reading a matrix"),
        pytest.param("tall-k32.nn.fp32", 4 * (2 * 16384 * 32 + 16384**2) / 4.8e6, "dram", id="writing one"),
    ],
)
def test_roofline(name: str, time_us: float, binds: str) -> None:
    found = roofline(chosen_cases([name])[0], targets.load("h200"))
    assert found.time_us == pytest.approx(time_us)
    assert found.binds == binds


def test_b_counts_once_where_it_is_shared() -> None:
    case = Case(shape=SHAPE["3d2d"], layout="nn", dtype="fp16")
    assert case.bytes == 2 * (16 * 1024 * 2048 + 2048 * 768 + 16 * 1024 * 768)
    assert case.flop == 2 * 16 * 1024 * 2048 * 768


def test_no_floor_without_tensor_cores() -> None:
    with pytest.raises(ValueError, match="no tensor cores for bf16"):
        roofline(chosen_cases(["seed.tt.bf16"])[0], targets.load("v100"))
