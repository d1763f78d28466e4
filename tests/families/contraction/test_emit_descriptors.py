"""An emitted kernel takes pointers, lengths and strides in the place of the input's host-made descriptors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import ttir_of
from emit_cases import Interpreter

from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.lift import lift
from tilewright.records.launch import Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Lifted, Refusal

FILE = """\
import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def hosted(a_desc, b_desc, c_desc, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    pass


def matmul(a, b):
    M, K = a.shape
    c = torch.empty((M, b.shape[0]), device=a.device, dtype=a.dtype)
    BM, BN, BK = 32, 64, 16
    dummy = [1, 1]
    a_desc = TensorDescriptor(a, a.shape, a.stride(), [BM, BK])
    b_desc = TensorDescriptor.from_tensor(b, dummy)
    c_desc = TensorDescriptor(c, [M, b.shape[0]], c.stride(), block_shape=[BM, BN])
    grid = (triton.cdiv(M, BM), triton.cdiv(b.shape[0], BN))
    hosted[grid](a_desc, b_desc, c_desc, K, BM, BN, BK)
    return c


class ModelNew(torch.nn.Module):
    def forward(self, a, b):
        return matmul(a, b)
"""
SMALL = {"block_m": 32, "block_n": 64, "block_k": 16}
PLAIN = Schedule(program_order="grouped", group_m=8, **SMALL)
DESCRIBED = replace(PLAIN, descriptors=True, a_layout="k_major", b_layout="k_major")


def launch() -> Launch:
    return ttir_of.launch(
        "described", "hosted", scalars={"K": 56}, constants={"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16},
        tensors={"a_desc": ("fp16", (72, 56)), "b_desc": ("fp16", (152, 56)), "c_desc": ("fp16", (72, 152))},
        blocks={"a_desc": (32, 16), "b_desc": (64, 16), "c_desc": (32, 64)}, grid=(3, 3, 1), compute_capability=90,
    )  # fmt: skip


def emitted(schedule: Schedule, text: str = FILE) -> str | Refusal:
    lifted = lift(launch())
    assert isinstance(lifted, Lifted)
    source = KernelSource(path="kernel.py", text=text, kernels=("hosted",))
    return emit(source, lifted, (schedule,), docstring="Test.")


def test_the_launch_passes_what_the_descriptors_were_made_from_and_they_are_gone() -> None:
    text = emitted(PLAIN)
    assert isinstance(text, str)
    wrapper = text[text.index("def matmul(") : text.index("class ModelNew")]
    before, launched = wrapper.split("    grid = lambda")
    assert before.split("\n")[1:] == [
        "    M, K = a.shape",
        "    c = torch.empty((M, b.shape[0]), device=a.device, dtype=a.dtype)",
        "",
    ]
    assert "triton.cdiv(M, META[" in launched
    assert "triton.cdiv(b.shape[0], META[" in launched
    assert ("        a, b, c, K,\n        M, b.shape[0],\n        a.stride(0), b.stride(0), c.stride(0),\n") in launched
    assert "a_ptr, b_ptr, c_ptr, K,\n    M, N,\n    stride_am, stride_bn, stride_cm,\n" in text
    assert "TensorDescriptor" not in text
    assert "_desc" not in text


def test_a_number_that_is_no_longer_used_leaves_its_name_and_a_constant_does_not() -> None:
    text = FILE.replace("c_desc, K, BLOCK_M:", "c_desc, M: tl.int32, K, N: tl.constexpr, BLOCK_M:")
    text = text.replace("c_desc, K, BM", "c_desc, M, K, 7, BM")
    new = emitted(PLAIN, text)
    assert isinstance(new, str)
    assert "a_ptr, b_ptr, c_ptr, M, K,\n    N_2,\n" in new
    assert "        a, b, c, M, K,\n        b.shape[0],\n" in new


def test_a_descriptor_of_unknown_make_is_asked_for_its_parts() -> None:
    text = emitted(PLAIN, FILE.replace("TensorDescriptor.from_tensor(b, dummy)", "described(b)"))
    assert isinstance(text, str)
    assert "    b_desc = described(b)\n" in text
    assert "        a, b_desc.base, c, K,\n" in text
    assert "        a.stride(0), b_desc.strides[0], c.stride(0),\n" in text


def test_a_descriptor_that_a_call_makes_in_the_launch_is_refused() -> None:
    refused = emitted(PLAIN, FILE.replace("hosted[grid](a_desc,", "hosted[grid](described(a),"))
    assert isinstance(refused, Refusal)
    assert refused.reason == "the call makes the descriptor a_desc in a way that does not show its tensor"


@pytest.mark.parametrize("schedule", [PLAIN, DESCRIBED, replace(PLAIN, split_k=2)], ids=["plain", "described", "split"])
def test_what_is_emitted_computes_the_product(schedule: Schedule, tmp_path: Path, interpret: Interpreter) -> None:
    text = emitted(schedule)
    assert isinstance(text, str)
    assert ("TensorDescriptor" in text) == schedule.descriptors
    path = tmp_path / "emitted.py"
    path.write_text(text)
    check = (
        "for M, N, K in ((72, 152, 24),):\n"
        "    a, b = torch.randn(M, K), torch.randn(N, K)\n"
        "    exact = a.double() @ b.double().T\n"
        "    assert (model(a, b).double() - exact).norm() < 1e-5 * exact.norm()\n"
    )
    interpret([(path, check)])
