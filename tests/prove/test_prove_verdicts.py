"""Honest candidates are proved, wrong ones refuted, and for the right reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tilewright.prove import Prover, prove, small_problems
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status
from tilewright.workers import Worker

Change = Callable[..., str]
Source = Callable[[str], KernelSource]

SCALE = """
import torch
import triton
import triton.language as tl


@triton.jit
def scale_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(y_ptr + offsets, x * 2.0, mask=offsets < n)


class ModelNew(torch.nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        scale_kernel[(triton.cdiv(x.numel(), 32),)](x, y, x.numel(), BLOCK=32)
        return y
"""
VECTOR = (Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(100,)),), label="ragged"),)


def test_the_original_proves_itself_and_a_grouped_variant_of_it(
    seed_inputs: tuple[TensorSpec, ...], source: Source, worker: Worker, seed_text: str, grouped_text: str
) -> None:
    problems = small_problems(seed_inputs)
    prover = Prover(source(seed_text), problems=problems, uncompilable_dtypes=("fp16", "bf16"), worker=worker)
    for text in (seed_text, grouped_text):
        verdict = prover.prove(source(text))
        assert verdict.status is Status.PROVED, verdict.reason
        assert {check.dtype for check in verdict.checks} == {"fp32", "fp16", "bf16"}
        assert all(check.passed for check in verdict.checks)
        assert any(check.detail.startswith("original does not run") for check in verdict.checks)
        assert any("bfloat16" in note for note in verdict.unchecked)


RETURN = "    return C\n"
WRONG = {
    "zeros": ((RETURN, "    return torch.zeros_like(C)\n"), "is 0"),
    "drops the ragged edge": (("triton.cdiv(M, 32) * triton.cdiv(N, 64)", "(M // 32) * triton.cdiv(N, 64)"), "written"),
    "leaves a column unwritten": (
        ("(offs_n[None, :] < N)\n    tl.store", "(offs_n[None, :] < N - 1)\n    tl.store"),
        "written",
    ),
    "wrong dtype": ((RETURN, "    return C.double()\n"), "is f64, not f32"),
    "wrong shape": ((RETURN, "    return C.T\n"), "shape"),
    "two outputs": ((RETURN, "    return C, C\n"), "returns output[0], output[1]"),
    "mutated input": ((RETURN, "    A.mul_(1.001)\n    return C\n"), "input 0 is changed"),
    "reads out of bounds": (
        ("mask=(offs_m[:, None] < M) & k_left[None, :], ", "mask=k_left[None, :] | True, "),
        "out-of-bounds load",
    ),
    "stores out of bounds": ((", mask=c_mask)", ")"), "past the end of c_ptr"),
    "ends the process": ((RETURN, "    import os\n    os.abort()\n"), "crashes"),
    "raises": ((RETURN, "    raise KeyError('no tile')\n"), "KeyError: 'no tile'"),
    "raises in the kernel": (("acc = tl.dot(a, b, acc)", "acc = tl.dot(a, b, acc, acc_dtype=tl.float32)"), "acc_dtype"),
    "remembers its first answer": (
        (RETURN, "    return triton_matmul.__dict__.setdefault(tuple(C.shape), C)\n"),
        "second call",
    ),
    "float16 accumulator": (
        ("acc = tl.dot(a, b, acc)", "acc = (acc + tl.dot(a, b)).to(tl.float16).to(tl.float32)"),
        "error",
    ),
    "forgets the last part of K": (("range(0, tl.cdiv(K, BLOCK_K))", "range(0, tl.cdiv(K, BLOCK_K) - 1)"), "error"),
    "turns NaN into numbers": (("acc = tl.dot(a, b, acc)", "acc = tl.dot(tl.where(a == a, a, 0.0), b, acc)"), "nan"),
    "syntax error": (("import torch\nimport torch.nn", "import torch torch.nn"), "SyntaxError"),
    "no model": (("class ModelNew", "class Model"), "ModelNew"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_candidates_are_refuted_with_the_evidence(
    source: Source, name: str, seed_prover: Prover, grouped_text: str, change: Change
) -> None:
    pair, evidence = WRONG[name]
    verdict = seed_prover.prove(source(change(grouped_text, pair)))
    assert verdict.status is Status.REFUTED, verdict.reason
    assert evidence in verdict.reason, verdict.reason
    assert "\n" not in verdict.reason
    assert any(not check.passed for check in verdict.checks)


TUNED = """@triton.autotune(
    configs=[triton.Config({"BLOCK_M": 32, "GROUP_M": 8}), triton.Config({"BLOCK_M": 16, "GROUP_M": SECOND})],
    key=["M", "N", "K"],
)
@triton.jit
def matmul_kernel("""


def tuned(text: str, change: Change, second: str) -> str:
    return change(
        text,
        ("@triton.jit\ndef matmul_kernel(", TUNED.replace("SECOND", second)),
        (
            "    grid = (triton.cdiv(M, 32) * triton.cdiv(N, 64),)\n",
            "    grid = lambda meta: (triton.cdiv(M, meta['BLOCK_M']) * triton.cdiv(N, 64),)\n",
        ),
        ("BLOCK_M=32, BLOCK_N=64, BLOCK_K=32, GROUP_M=8", "BLOCK_N=64, BLOCK_K=32"),
    )


def test_every_autotune_configuration_is_run(
    source: Source, seed_prover: Prover, grouped_text: str, change: Change
) -> None:
    verdict = seed_prover.prove(source(tuned(grouped_text, change, "4")))
    assert verdict.status is Status.PROVED, verdict.reason
    assert any("autotune configuration 2 of 2" in check.detail for check in verdict.checks)
    broken = change(tuned(grouped_text, change, "4"), ("* GROUP_M\n", "* GROUP_M + (GROUP_M == 4)\n"))
    verdict = seed_prover.prove(source(broken))
    assert verdict.status is Status.REFUTED
    assert "autotune configuration 2 of 2" in verdict.reason


IN_PLACE = (
    ("def scale_kernel(x_ptr, y_ptr, n,", "def scale_kernel(y_ptr, n,"),
    ("tl.load(x_ptr + offsets", "tl.load(y_ptr + offsets"),
    ("y = torch.empty_like(x)", "y = x.clone()"),
    ("](x, y, x.numel(), BLOCK=32)", "](y, x.numel())"),
)


@pytest.mark.parametrize(("restored", "status"), [(", restore_value=['y_ptr']", Status.PROVED), ("", Status.REFUTED)])
def test_a_tuner_that_runs_an_in_place_kernel_often(
    source: Source, worker: Worker, change: Change, restored: str, status: Status
) -> None:
    configs = (
        f"@triton.autotune([triton.Config({{'BLOCK': 32}}), triton.Config({{'BLOCK': 64}})], key=['n']{restored})\n"
    )
    text = change(
        SCALE,
        ("@triton.jit", configs + "@triton.jit"),
        ("(triton.cdiv(x.numel(), 32),)", "lambda m: (triton.cdiv(x.numel(), m['BLOCK']),)"),
        *IN_PLACE,
    )
    verdict = prove(source(SCALE), source(text), problems=VECTOR, dtypes=("fp32",), worker=worker)
    assert verdict.status is status, verdict.reason
    assert status is Status.PROVED or "first call, which tries all 2" in verdict.reason


def test_a_hang_is_ended_and_undecided(source: Source, worker: Worker, change: Change) -> None:
    text = change(SCALE, ("        return y\n", "        while True:\n            pass\n"))
    prover = Prover(source(SCALE), problems=VECTOR, dtypes=("fp32",), worker=worker, timeout_s=5)
    verdict = prover.prove(source(text))
    assert verdict.status is Status.UNDECIDED
    assert "did not end within 5 s" in verdict.reason
    assert prover.prove(source(SCALE)).status is Status.PROVED


def test_an_original_that_never_runs_leaves_everything_undecided(
    source: Source, worker: Worker, change: Change
) -> None:
    text = change(SCALE, ("        return y\n", "        raise ValueError('sorry')\n"))
    verdict = prove(source(text), source(SCALE), problems=VECTOR, dtypes=("fp32",), worker=worker)
    assert verdict.status is Status.UNDECIDED
    assert "ValueError: sorry" in verdict.reason


def test_an_output_that_is_always_zero_proves_nothing(source: Source, worker: Worker, change: Change) -> None:
    text = change(SCALE, ("x * 2.0", "x * 0.0"))
    problems = [Problem(inputs=VECTOR[0].inputs, label="even")]
    verdict = prove(source(text), source(text), problems=problems, dtypes=("fp32",), worker=worker)
    assert verdict.status is Status.UNDECIDED
    assert "zeros" in verdict.reason
    assert not any(check.passed for check in verdict.checks if check.name.startswith("output:"))


def test_unknown_words_are_errors(source: Source, worker: Worker) -> None:
    with pytest.raises(ValueError, match="no-worse"):
        prove(source(SCALE), source(SCALE), problems=VECTOR, precision="close", worker=worker)
    with pytest.raises(ValueError, match="fp8"):
        prove(source(SCALE), source(SCALE), problems=VECTOR, dtypes=("fp8",), worker=worker)


FALLING_BACK = SCALE.replace(
    "        y = torch.empty_like(x)\n",
    "        if x.dtype != torch.float32:\n"
    "            return torch.matmul(x[None, :], 2.0 * torch.eye(x.numel(), dtype=x.dtype))[0]\n"
    "        y = torch.empty_like(x)\n",
)


def test_a_candidate_may_leave_to_pytorch_what_the_original_leaves_to_it(source: Source, worker: Worker) -> None:
    prover = Prover(source(FALLING_BACK), problems=VECTOR, worker=worker)
    verdict = prover.prove(source(FALLING_BACK.replace("x * 2.0", "x + x")))
    assert verdict.status is Status.PROVED, verdict.reason
    assert any("neither original nor candidate launches" in check.detail for check in verdict.checks)
    always = prover.prove(source(FALLING_BACK.replace("x.dtype != torch.float32", "x.numel() > 0")))
    assert always.status is Status.REFUTED
    assert any("no kernel of the file" in check.detail for check in always.checks if check.dtype == "fp32")
    own = Prover(source(SCALE), problems=VECTOR, worker=worker).prove(source(FALLING_BACK))
    assert own.status is Status.REFUTED
