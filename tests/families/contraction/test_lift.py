"""Every style of matrix product lifts to what it computes; everything else is declined with its reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import evaluated
import numpy as np
import pytest
import ttir_of

from tilewright.families.contraction.lift import lift
from tilewright.records.algorithm import Contraction, Order
from tilewright.records.launch import Launch, ScalarArgument
from tilewright.records.trial import Lifted, Refusal

Arrays = dict[str, np.ndarray[Any, Any]]
M, N, K, B = 70, 150, 50, 3
BLOCKS = {"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16}
SIZES = {"M": M, "N": N, "K": K}
STRIDES = {"stride_am": K, "stride_ak": 1, "stride_bk": N, "stride_bn": 1, "stride_cm": N, "stride_cn": 1}
MNK = {"a_ptr": (M, K), "b_ptr": (K, N), "c_ptr": (M, N)}


@dataclass(frozen=True)
class Case:
    """A launch, what it computes, and how it runs."""

    kernel: str
    shapes: dict[str, tuple[int, ...]]
    scalars: dict[str, int | float]
    constants: dict[str, object]
    grid: tuple[int, int, int]
    formula: Callable[[Arrays], Arrays]
    schedule: dict[str, object] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    dtype: str = "fp32"
    file: str = "contractions"
    compute_capability: int = 80

    def launch(self) -> Launch:
        tensors = {name: (self.dtypes.get(name, self.dtype), shape) for name, shape in self.shapes.items()}
        return ttir_of.launch(
            self.file, self.kernel, tensors=tensors, scalars=self.scalars, constants=self.constants, grid=self.grid,
            compute_capability=self.compute_capability,
        )  # fmt: skip


def product(x: Arrays) -> Arrays:
    return {"c_ptr": x["a_ptr"] @ x["b_ptr"]}


def narrowed(x: Arrays) -> Arrays:
    a, b = (x[name].astype(np.float16).astype(np.float64) for name in ("a_ptr", "b_ptr"))
    return {"c_ptr": a @ b.T}


def leaky(x: Arrays) -> Arrays:
    total = x["a_ptr"] @ x["b_ptr"]
    return {"c_ptr": np.where(total >= 0, total, 0.01 * total)}


def gelu(x: Arrays) -> Arrays:
    y = x["x_ptr"] @ x["w_ptr"].T + x["bias_ptr"]
    return {"out_ptr": 0.5 * y * (1 + np.vectorize(math.erf)(y / math.sqrt(2)))}


def gelu_tanh(x: Arrays) -> Arrays:
    y = x["x_ptr"] @ x["w_ptr"].T + x["bias_ptr"]
    return {"out_ptr": 0.5 * y * (1 + np.tanh(0.7978845608028654 * (y + 0.044715 * y**3)))}


def residual(x: Arrays) -> Arrays:
    total = 0.5 * (x["a_ptr"] @ x["b_ptr"]) * x["s_ptr"][:, None] + x["r_ptr"]
    return {"c_ptr": np.maximum(total, 0)}


def silu(x: Arrays) -> Arrays:
    y = x["a_ptr"] @ x["b_ptr"] + x["bias_ptr"]
    return {"c_ptr": y, "d_ptr": y / (1 + np.exp(-y))}


def pointwise(x: Arrays) -> Arrays:
    y = x["w_ptr"] @ x["x_ptr"] + x["bias_ptr"][:, None]
    y = np.clip(y / (1 + np.exp(-y)) / 2, -1, 1)
    y = np.log(1 + np.exp(y)) + np.tanh(y)
    return {"y_ptr": np.where(y > 0, y, 0.2 * y) * (y > 0.5)}


def clamped(x: Arrays) -> Arrays:
    return {"C": np.clip(x["A"] @ x["B"], -1, 1)}


def laid_out(trans_x: bool, trans_y: bool) -> Case:
    def formula(x: Arrays) -> Arrays:
        return {"z": (x["x"].T if trans_x else x["x"]) @ (x["y"].T if trans_y else x["y"])}

    return Case(
        "contiguous",
        {"x": (K, M) if trans_x else (M, K), "y": (N, K) if trans_y else (K, N), "z": (M, N)},
        {"rows": M, "cols": N, "depth": K},
        {"TRANS_X": trans_x, "TRANS_Y": trans_y, "BM": 32, "BN": 64, "BK": 16},
        (3, 3, 1),
        formula,
        {"program_order": "grid_2d_swapped", "input_precision": "ieee", "block_n": 64},
    )


BATCHED = {"sab": M * K, "sam": K, "sak": 1, "sbb": K * N, "sbk": N, "sbn": 1, "scb": M * N, "scm": N, "scn": 1}
GROUPED = {"BLOCK_SIZE_M": 32, "BLOCK_SIZE_N": 64, "BLOCK_SIZE_K": 16, "GROUP_SIZE_M": 8}
LINEAR = {"x_ptr": (M, K), "w_ptr": (N, K), "bias_ptr": (N,), "out_ptr": (M, N)}
RESIDUAL = {**MNK, "r_ptr": (M, N), "s_ptr": (M,)}
HINTED = {"A": (M, K), "B": (K, N), "C": (M, N)}
LEADING = {"lda": K, "ldb": N, "ldc": N}
CASES = {
    "plain": Case("plain", MNK, SIZES | STRIDES, BLOCKS, (3, 3, 1), product,
                  {"program_order": "grid_2d", "pointers": "recomputed", "masks": "general", "split_k": 1,
                   "block_m": 32, "block_n": 64, "block_k": 16, "persistent": False, "num_warps": 4}),
    "tutorial": Case("tutorial", MNK, SIZES | STRIDES, GROUPED | {"ACTIVATION": ""}, (9, 1, 1), product,
                     {"program_order": "grouped", "group_m": 8, "pointers": "advanced", "masks": "wrapped"},
                     dtype="fp16"),
    "tutorial leaky": Case("tutorial", MNK, SIZES | STRIDES, GROUPED | {"ACTIVATION": "leaky_relu"}, (9, 1, 1), leaky,
                           {"program_order": "grouped", "group_m": 8}, dtype="fp16"),
    "nn": laid_out(False, False), "nt": laid_out(False, True), "tn": laid_out(True, False), "tt": laid_out(True, True),
    "transposed tile": Case("transposed_tile", MNK | {"b_ptr": (N, K)}, SIZES, BLOCKS, (9, 1, 1), narrowed,
                            {"program_order": "row_major"}),
    "batched": Case("batched", {name: (B, *shape) for name, shape in MNK.items()}, SIZES | BATCHED, BLOCKS, (3, 3, B),
                    product, {"program_order": "grid_2d", "pointers": "advanced"}),
    "batch flattened": Case("batch_flattened", {"a_ptr": (B, M, K), "b_ptr": (K, N), "c_ptr": (B, M, N)},
                            {"B": B} | SIZES, BLOCKS, (9 * B, 1, 1), product, {"program_order": "row_major"}),
    "gelu": Case("linear_gelu", LINEAR, SIZES, BLOCKS | {"TANH": False}, (3, 3, 1), gelu),
    "gelu in quarters": Case("linear_gelu_in_quarters", LINEAR, SIZES, BLOCKS, (3, 3, 1), gelu,
                             {"block_m": 32, "block_n": 64, "block_k": 16}),
    "gelu tanh": Case("linear_gelu", LINEAR, SIZES, BLOCKS | {"TANH": True}, (3, 3, 1), gelu_tanh),
    "residual": Case("residual_scale", RESIDUAL, {"alpha": 0.5} | SIZES | {"stride_am": K, "stride_bk": N,
                     "stride_rm": N, "stride_cm": N}, BLOCKS, (3, 3, 1), residual, {"pointers": "recomputed"},
                     dtype="fp16"),
    "descriptors": Case("descriptors", MNK | {"b_ptr": (N, K)}, SIZES, BLOCKS, (3, 3, 1),
                        lambda x: {"c_ptr": x["a_ptr"] @ x["b_ptr"].T}, dtype="fp16"),
    "split k": Case("split_k", MNK, SIZES | STRIDES, BLOCKS | {"SPLIT_K": 2}, (9, 2, 1), product,
                    {"program_order": "column_major", "split_k": 2, "pointers": "advanced"}),
    "split k in chunks": Case("split_k_chunks", MNK, SIZES | {"chunk": 32}, BLOCKS, (3, 3, 2), product,
                              {"program_order": "grid_2d", "split_k": 2}),
    "even": Case("even", {"a_ptr": (64, 48), "b_ptr": (48, 128), "c_ptr": (64, 128)}, {"N": 128, "K": 48}, BLOCKS,
                 (2, 2, 1), product, {"masks": "even_k", "pointers": "advanced"}),
    "one step": Case("one_step", {"a_ptr": (M, 13), "b_ptr": (13, N), "c_ptr": (M, N)}, SIZES | {"K": 13}, BLOCKS,
                     (3, 3, 1), product),
    "persistent": Case("persistent", MNK, SIZES, BLOCKS, (4, 1, 1), product,
                       {"persistent": True, "program_order": "row_major"}),
    "early return": Case("early_return", MNK, SIZES, BLOCKS, (5, 3, 1), product, {"program_order": "grid_2d"}),
    "helpers": Case("helpers", MNK | {"bias_ptr": (N,), "d_ptr": (M, N)}, SIZES, BLOCKS, (3, 3, 1), silu,
                    {"input_precision": "ieee"}),
    "hinted": Case("hinted", HINTED, SIZES | LEADING, BLOCKS | {"GROUP_M": 4, "EVEN_K": False}, (9, 1, 1), clamped,
                   {"masks": "wrapped", "program_order": "grouped", "group_m": 4}),
    "hinted even": Case("hinted", HINTED | {"A": (M, 48), "B": (48, N)}, SIZES | LEADING | {"K": 48, "lda": 48},
                        BLOCKS | {"GROUP_M": 1, "EVEN_K": True}, (9, 1, 1), clamped, {"program_order": "row_major"}),
    "persistent grouped": Case("persistent_grouped", MNK, SIZES | STRIDES, BLOCKS | {"GROUP_M": 8, "NUM_SMS": 4},
                               (4, 1, 1), product, {"persistent": True}),
    "heads": Case("heads", {"q_ptr": (2, 5, 70, 50), "k_ptr": (2, 5, 70, 50), "s_ptr": (2, 5, 70, 70)},
                  {"H": 5, "S": 70, "D": 50, "sqb": 17500, "sqh": 3500, "sqs": 50, "ssb": 24500, "ssh": 4900,
                   "sss": 70, "scale": 0.25}, BLOCKS, (10, 3, 2),
                  lambda x: {"s_ptr": 0.25 * x["q_ptr"] @ np.swapaxes(x["k_ptr"], -1, -2)},
                  {"program_order": "grid_2d"}),
    "int8": Case("int8_scaled", MNK | {"sa_ptr": (M,), "sb_ptr": (N,)}, SIZES, BLOCKS | {"BLOCK_K": 32}, (3, 3, 1),
                 lambda x: {"c_ptr": (x["a_ptr"] @ x["b_ptr"]) * x["sa_ptr"][:, None] * x["sb_ptr"]},
                 {"program_order": "grid_2d_swapped"}, {"a_ptr": "i8", "b_ptr": "i8"}),
    "conv1x1": Case("conv1x1", {"w_ptr": (M, K), "x_ptr": (B, K, N), "bias_ptr": (M,), "y_ptr": (B, M, N)},
                    {"OC": M, "IC": K, "HW": N}, BLOCKS, (B, 9, 1), pointwise,
                    {"program_order": "grouped", "group_m": 4, "pointers": "advanced"}),
    "gemm beta": Case("gemm_beta", MNK | {"a_ptr": (K, M)}, SIZES | {"alpha": 1.5, "beta": 2.5, "sa0": M, "sa1": 1,
                      "sb0": N, "sb1": 1, "sc0": N, "sc1": 1}, BLOCKS | {"HAS": True}, (3, 3, 1),
                      lambda x: {"c_ptr": 1.5 * (x["a_ptr"].T @ x["b_ptr"])}, dtype="fp16"),
    "loop over n": Case("looped_n", {"a_ptr": (M, 16), "b_ptr": (N, 16), "c_ptr": (M, N)}, SIZES | {"K": 16}, BLOCKS,
                        (3, 1, 1), lambda x: {"c_ptr": x["a_ptr"] @ x["b_ptr"].T}, {"persistent": True}),
    "constexpr sizes": Case("batch_grouped", {"a_ptr": (B, 64, 48), "b_ptr": (B, 48, 128), "c_ptr": (B, 64, 128)}, {},
                            BLOCKS | {"M": 64, "N": 128, "K": 48}, (4, B, 1),
                            lambda x: {"c_ptr": np.maximum(x["a_ptr"] @ x["b_ptr"], 0)}, {"masks": "even_k"}),
    "scattered": Case("scattered", MNK, SIZES, BLOCKS, (9, 1, 1), product, {"program_order": "custom"}),
    "transposed output": Case("transposed_output", MNK | {"c_ptr": (N, M)}, SIZES, BLOCKS, (3, 3, 1),
                              lambda x: {"c_ptr": (x["a_ptr"] @ x["b_ptr"]).T}, {"program_order": "grid_2d"}),
    "while": Case("while_counted", MNK, SIZES, BLOCKS, (3, 3, 1), product,
                  {"program_order": "grid_2d", "pointers": "advanced", "masks": "general"}),
    "while something is left": Case("while_left", MNK, SIZES, BLOCKS, (3, 3, 1), product, {"pointers": "advanced"}),
    "one block apart": Case("one_block_apart", MNK, SIZES, BLOCKS, (3, 3, 1), product, {"pointers": "advanced"}),
    "outer products": Case("outer_products", MNK, SIZES, {"BLOCK_M": 32, "BLOCK_N": 64}, (3, 3, 1), product,
                           {"block_k": 1, "input_precision": "ieee", "pointers": "recomputed"}),
    "outer products advanced": Case("outer_products_advanced", MNK | {"a_ptr": (K, M)}, SIZES,
                                    {"BLOCK_M": 32, "BLOCK_N": 64}, (3, 3, 1),
                                    lambda x: {"c_ptr": x["a_ptr"].T @ x["b_ptr"]},
                                    {"block_k": 1, "pointers": "advanced"}, dtype="fp16"),
    "upper triangles": Case("upper_triangles", dict.fromkeys(MNK, (N, N)), {"N": N}, BLOCKS, (5, 3, 1),
                            lambda x: {"c_ptr": np.triu(np.triu(x["a_ptr"]) @ np.triu(x["b_ptr"]))},
                            {"program_order": "grid_2d"}),
    "strictly lower": Case("strictly_lower", dict.fromkeys(MNK, (N, N)), {"N": N}, BLOCKS, (5, 3, 1),
                           lambda x: {"c_ptr": np.tril(np.tril(x["a_ptr"], -1) @ x["b_ptr"], -1)},
                           {"program_order": "grid_2d"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_lifted_algorithm_computes_what_the_kernel_does(case: Case) -> None:
    launch = case.launch()
    lifted = lift(launch)
    assert isinstance(lifted, Lifted), lifted
    assert isinstance(lifted.algorithm, Contraction)
    memory = evaluated.buffers(launch)
    inputs = {name: memory[name].reshape(shape).astype(np.float64) for name, shape in case.shapes.items()}
    expected = case.formula(inputs)
    assert {output.operand.parameter for output in lifted.algorithm.outputs} == set(expected)
    for name in expected:
        memory[name][:] = 0
    evaluated.run(lifted.algorithm, launch, memory)
    for name, value in expected.items():
        error = np.abs(memory[name].reshape(case.shapes[name]) - value).max()
        assert error < (2e-2 if memory[name].dtype == np.float16 else 1e-4), name
    found = {name: getattr(lifted.schedule, name) for name in case.schedule}
    assert found == case.schedule


def test_block_pointers_where_triton_has_them() -> None:
    case = replace(CASES["plain"], kernel="block_pointers", schedule={})
    try:
        launch = case.launch()
    except Exception as error:
        if "Block pointers have been removed" not in str(error):
            raise
        return
    lifted, plain = lift(launch), lift(CASES["plain"].launch())
    assert isinstance(lifted, Lifted)
    assert isinstance(plain, Lifted)
    assert lifted.algorithm == replace(plain.algorithm, kernel="block_pointers")


def test_tensor_descriptors_left_in_the_ir_of_newer_gpus() -> None:
    case = CASES["descriptors"]
    old, new = case.launch(), replace(case, compute_capability=90).launch()
    assert "tt.make_tensor_descriptor" in new.generic_ttir
    assert "tt.make_tensor_descriptor" not in old.generic_ttir
    lifted_old, lifted_new = lift(old), lift(new)
    assert isinstance(lifted_old, Lifted)
    assert isinstance(lifted_new, Lifted)
    assert lifted_new.algorithm == lifted_old.algorithm
    assert lifted_new.schedule == replace(lifted_old.schedule, a_layout="k_major", b_layout="k_major", descriptors=True)


@pytest.mark.parametrize("name", ["while something is left", "one block apart"])
def test_how_a_loop_is_written_does_not_matter(name: str) -> None:
    found, expected = lift(CASES[name].launch()), lift(CASES["while"].launch())
    assert isinstance(found, Lifted)
    assert isinstance(expected, Lifted)
    assert isinstance(found.algorithm, Contraction)
    assert found.algorithm == replace(expected.algorithm, kernel=found.algorithm.kernel)  # type: ignore[arg-type]
    assert found.schedule == expected.schedule


def test_triangles_are_orders_of_indices() -> None:
    upper, lower = lift(CASES["upper triangles"].launch()), lift(CASES["strictly lower"].launch())
    assert isinstance(upper, Lifted)
    assert isinstance(upper.algorithm, Contraction)
    assert upper.algorithm.a.orders == (Order(low="m", high="k"),)
    assert upper.algorithm.b.orders == (Order(low="k", high="n"),)
    assert upper.algorithm.outputs[0].orders == (Order(low="m", high="n"),)
    assert upper.algorithm.outputs[0].zero_outside
    assert isinstance(lower, Lifted)
    assert isinstance(lower.algorithm, Contraction)
    assert lower.algorithm.a.orders == (Order(low="k", high="m", gap=1),)
    assert lower.algorithm.b.orders == ()
    assert lower.algorithm.outputs[0].orders == (Order(low="n", high="m", gap=1),)
    assert not lower.algorithm.outputs[0].zero_outside


def test_kernels_that_differ_only_in_style_lift_to_one_algorithm() -> None:
    found = []
    for name in ("plain", "tutorial"):
        lifted = lift(replace(CASES[name], dtype="fp32").launch())
        assert isinstance(lifted, Lifted)
        assert isinstance(lifted.algorithm, Contraction)
        found.append(replace(lifted.algorithm, kernel="", outputs=()))
    assert found[0] == found[1]


def test_a_tile_that_is_finished_in_parts_is_the_tile_that_it_is() -> None:
    parts, whole = lift(CASES["gelu in quarters"].launch()), lift(CASES["gelu"].launch())
    assert isinstance(parts, Lifted)
    assert isinstance(whole, Lifted)
    assert isinstance(parts.algorithm, Contraction)
    assert replace(parts.algorithm, kernel="linear_gelu") == whole.algorithm
    assert parts.schedule == whole.schedule


@pytest.mark.parametrize("grid", [(2, 3, 1), (3, 2, 1), (1, 1, 1), (3, 3, 2)], ids=str)
def test_a_launch_that_misses_or_repeats_tiles_is_declined(grid: tuple[int, int, int]) -> None:
    refused = lift(replace(CASES["plain"], grid=grid).launch())
    assert isinstance(refused, Refusal)


def test_programs_beyond_the_end_are_allowed() -> None:
    assert isinstance(lift(replace(CASES["plain"], grid=(4, 5, 1)).launch()), Lifted)


def test_a_loop_that_misses_a_part_of_k_is_declined() -> None:
    refused = lift(replace(CASES["split k"], grid=(9, 1, 1)).launch())
    assert isinstance(refused, Refusal)
    assert "all of k" in refused.reason


def test_a_kernel_that_does_not_compile_is_declined_with_the_compilers_message() -> None:
    broken = replace(CASES["plain"].launch(), generic_ttir="", ttir="", error="bad types")
    refused = lift(broken)
    assert isinstance(refused, Refusal)
    assert refused.reason == "the kernel does not compile: bad types"


@pytest.mark.parametrize("text", ["module {", "tt.func public @f() {", "hello", "%0 = ", "tt.func @f() {\n?\n}"])
def test_text_that_is_no_triton_ir_is_declined(text: str) -> None:
    assert isinstance(lift(replace(CASES["plain"].launch(), generic_ttir=text)), Refusal)


@pytest.mark.parametrize(
    "name", ["plain", "tutorial", "split k in chunks", "descriptors", "persistent", "while", "one block apart"]
)
@pytest.mark.parametrize("size", [(1, 1, 1), (32, 64, 16), (31, 65, 17)], ids=str)
def test_the_sizes_captured_do_not_matter(name: str, size: tuple[int, int, int]) -> None:
    case = CASES[name]
    m, n, k = size
    tiles = (-(-m // 32), -(-n // 64))
    grid = dict.fromkeys(("plain", "descriptors", "while", "one block apart"), (*tiles, 1))
    grid["split k in chunks"] = (*tiles, -(-k // 16))
    scalars = case.scalars | {"M": m, "N": n, "K": k} | ({"chunk": 16} if "chunk" in case.scalars else {})
    other = replace(case, scalars=scalars, grid=grid.get(name, (tiles[0] * tiles[1], 1, 1)))
    small, usual = lift(other.launch()), lift(case.launch())
    assert isinstance(small, Lifted), small
    assert isinstance(usual, Lifted)
    assert small.algorithm == usual.algorithm
    assert small.schedule.program_order == usual.schedule.program_order
    assert small.schedule.group_m == usual.schedule.group_m


def test_lengths_that_no_mask_gives_come_from_dense_strides_or_the_grid() -> None:
    lifted = lift(CASES["even"].launch())
    assert isinstance(lifted, Lifted)
    assert isinstance(lifted.algorithm, Contraction)
    assert lifted.algorithm.extents == {"m": "grid_0 * 32", "n": "N", "k": "K"}


def test_ir_that_does_not_name_its_parameters() -> None:
    launch = CASES["plain"].launch()
    text = launch.generic_ttir
    for place, name in enumerate(CASES["plain"].shapes | CASES["plain"].scalars):
        text = re.sub(rf"%{name}\b", f"%arg{place}", text)
    assert "%a_ptr:" not in text
    named, numbered = lift(launch), lift(replace(launch, generic_ttir=text))
    assert isinstance(named, Lifted)
    assert isinstance(numbered, Lifted)
    assert named.algorithm == numbered.algorithm


def test_values_of_the_launch_do_not_leak_into_the_algorithm() -> None:
    launch = CASES["plain"].launch()
    twice = {"M": 2 * M, "N": 2 * N, "K": 2 * K}
    arguments = tuple(
        replace(x, value=twice.get(x.parameter, x.value)) if isinstance(x, ScalarArgument) else x
        for x in launch.arguments
    )
    first, second = lift(launch), lift(replace(launch, arguments=arguments, grid=(5, 5, 1)))
    assert isinstance(first, Lifted)
    assert isinstance(second, Lifted)
    assert first.algorithm == second.algorithm
