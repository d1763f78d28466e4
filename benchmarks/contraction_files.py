"""The files of a case of ``contraction.py``, written from one template each.

The input is what somebody writes who knows Triton's tutorial and no more: one 64 x 64 tile a program, pointers with
strides, masks on every load, a grid of tiles, no autotuning. The layout is in the strides that the wrapper passes.
"""

from __future__ import annotations

from contraction_cases import Case

TORCH_DTYPES = {"fp32": "torch.float32", "fp16": "torch.float16", "bf16": "torch.bfloat16"}
BLOCK_K = {"fp32": 64, "fp16": 32, "bf16": 32}
"""As in the seed's prompt."""

INPUT = """\
import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def {kernel}(
    a_ptr, b_ptr, {bias_pointer}c_ptr,
    M, N, K,
    {a_batch}stride_am, stride_ak,
    {b_batch}stride_bk, stride_bn,
    {c_batch}stride_cm, stride_cn,
{bias_stride}    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    pid_m = tl.program_id(0)
    pid_n = tl.program_id(1)
{move_to_batch}    offs_m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    offs_k = tl.arange(0, BLOCK_K)
    m_mask = offs_m < M
    n_mask = offs_n < N

    a_ptrs = a_ptr + offs_m[:, None] * stride_am + offs_k[None, :] * stride_ak
    b_ptrs = b_ptr + offs_k[:, None] * stride_bk + offs_n[None, :] * stride_bn
    accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        k_mask = offs_k < K - k * BLOCK_K
        a = tl.load(a_ptrs, mask=m_mask[:, None] & k_mask[None, :], other=0.0)
        b = tl.load(b_ptrs, mask=k_mask[:, None] & n_mask[None, :], other=0.0)
        accumulator += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
{epilogue}
    c_ptrs = c_ptr + offs_m[:, None] * stride_cm + offs_n[None, :] * stride_cn
    tl.store(c_ptrs, accumulator.to(c_ptr.dtype.element_ty), mask=m_mask[:, None] & n_mask[None, :])


def {wrapper}({arguments}):
{sizes}
    C = torch.empty({c_shape}, device=A.device, dtype=A.dtype)
{rows}    BLOCK_M, BLOCK_N, BLOCK_K = 64, 64, {block_k}
    grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N){batches})
    {kernel}[grid](
        A, B, {bias}C,
        M, N, K,
        {a_strides},
        {b_strides},
        {c_strides},
{bias_step}        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        BLOCK_K=BLOCK_K,
    )
    return {returned}


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, {arguments}):
        return {wrapper}({arguments})
"""
EPILOGUE = """\

    bias = tl.load(bias_ptr + offs_n * stride_bias, mask=n_mask, other=0.0).to(tl.float32)
    accumulator = accumulator + bias[None, :]
    accumulator = 0.5 * accumulator * (1.0 + tl.erf(accumulator * 0.7071067811865476))
"""
MOVE_TO_BATCH = """\
    pid_b = tl.program_id(2)
    a_ptr += pid_b * stride_ab
    b_ptr += pid_b * stride_bb
    c_ptr += pid_b * stride_cb
"""
REFERENCE = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Model(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, {arguments}):
        return {plain}


def get_inputs():
    # the sums of K products get a spread of 1
    A = torch.randn({a_shape}, dtype={dtype})
    B = torch.randn({b_shape}, dtype={dtype}) * {scale!r}
{bias_values}    return [{arguments}]


def get_init_inputs():
    return []
"""
TORCH = """\
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.backends.cuda.matmul.allow_tf32 = True


{function}class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, {arguments}):
        return {called}
"""
COMPILED = """\
def contract({arguments}):
    return {fastest}


compiled = torch.compile(contract, mode={mode!r}, dynamic=False)


"""


def _strides(tensor: str, batch: bool, swapped: bool) -> str:
    order = (-1, -2) if swapped else (-2, -1)
    found = [f"{tensor}.stride({axis})" for axis in order]
    return ", ".join([f"{tensor}.stride(0)", *found] if batch else found)


def _arguments(case: Case) -> str:
    return ", ".join(one.name for one in case.inputs)


def input_file(case: Case) -> str:
    """A plain kernel in KernelBench form."""
    shape, folds = case.shape, case.shape.shared_b
    batched = bool(shape.batch) and not folds
    a_swapped, b_swapped = case.layout[0] == "t", case.layout[1] == "t"
    sizes = [f"    {', '.join(_names('A', case))} = A.shape", f"    {'N, _' if b_swapped else '_, N'} = B.shape"]
    if batched:
        sizes[1] = f"    {'_, N, _' if b_swapped else '_, _, N'} = B.shape"
    name = "matmul" + ("_gelu" if case.epilogue else "")
    return INPUT.format(
        kernel=f"{name}_kernel",
        wrapper=f"triton_{name}",
        arguments=_arguments(case),
        bias_pointer="bias_ptr, " if case.epilogue else "",
        bias="bias, " if case.epilogue else "",
        bias_stride="    stride_bias,\n" if case.epilogue else "",
        bias_step="        bias.stride(0),\n" if case.epilogue else "",
        a_batch="stride_ab, " if batched else "",
        b_batch="stride_bb, " if batched else "",
        c_batch="stride_cb, " if batched else "",
        move_to_batch=MOVE_TO_BATCH if batched else "",
        epilogue=EPILOGUE if case.epilogue else "",
        sizes="\n".join(sizes),
        # one tall matrix: the batch's rows lie one after the other
        rows="    A, M = A.reshape(-1, K), batches * M\n    C = C.view(M, N)\n" if folds else "",
        c_shape="(batches, M, N)" if shape.batch else "(M, N)",
        returned="C.view(batches, -1, N)" if folds else "C",
        block_k=BLOCK_K[case.dtype],
        batches=", batches" if batched else "",
        a_strides=_strides("A", batched, a_swapped),
        b_strides=_strides("B", batched, b_swapped),
        c_strides=_strides("C", batched, False),
    )


def _names(tensor: str, case: Case) -> list[str]:
    names = ["K", "M"] if case.layout[0] == "t" else ["M", "K"]
    return ["batches", *names] if case.shape.batch else names


def _operands(case: Case) -> tuple[str, str]:
    a = "A.transpose(-2, -1)" if case.layout[0] == "t" else "A"
    b = "B.transpose(-2, -1)" if case.layout[1] == "t" else "B"
    return a, b


def reference_file(case: Case) -> str:
    """The KernelBench reference of the same."""
    plain = f"torch.matmul({', '.join(_operands(case))})"
    dtype = TORCH_DTYPES[case.dtype]
    return REFERENCE.format(
        arguments=_arguments(case),
        plain=f"F.gelu({plain} + bias)" if case.epilogue else plain,
        a_shape=", ".join(map(str, case.a_shape)),
        b_shape=", ".join(map(str, case.b_shape)),
        dtype=dtype,
        scale=case.shape.k**-0.5,
        bias_values=f"    bias = torch.randn({case.shape.n}, dtype={dtype})\n" if case.epilogue else "",
    )


def _fastest(case: Case) -> str:
    """What somebody writes who wants PyTorch to be fast: the bias goes into the product where PyTorch can do that."""
    a, b = _operands(case)
    if not case.epilogue:
        return f"torch.matmul({a}, {b})"
    if case.shape.batch and not case.shape.shared_b:
        return f"F.gelu(torch.matmul({a}, {b}) + bias)"
    weight = "B" if case.layout[1] == "t" else "B.t()"
    return f"F.gelu(F.linear({a}, {weight}, bias))"


def torch_file(case: Case) -> str:
    """PyTorch's own functions in the form of a kernel file, with TF32 for float32."""
    return TORCH.format(function="", arguments=_arguments(case), called=_fastest(case))


def compiled_file(case: Case, mode: str) -> str:
    """The same through ``torch.compile``."""
    arguments = _arguments(case)
    function = COMPILED.format(arguments=arguments, fastest=_fastest(case), mode=mode)
    return TORCH.format(function=function, arguments=arguments, called=f"compiled({arguments})")
