from __future__ import annotations

from pathlib import Path

import pytest

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER
from tilewright.lint.specialise import specialisations
from tilewright.records.source import KernelSource

SEED = Path(__file__).parents[1] / "data" / "seed_kernel.py"


def model(text: str) -> FileModel:
    return FileModel(KernelSource(path="file.py", text=text, kernels=()))


def test_the_flags_of_the_seed_by_dtype() -> None:
    found = {
        item.dtype: (item.constants["USE_TENSOR_CORES"], item.constants["USE_FP32_ACC"])
        for item in specialisations(model(SEED.read_text()))
    }
    assert found == {"fp32": (False, True), "fp16": (True, False), "bf16": (True, False), "fp64": (False, False)}


def test_what_depends_on_the_shape_is_not_known() -> None:
    for item in specialisations(model(SEED.read_text())):
        assert "BLOCK_SIZE_M" not in item.constants
        assert item.dtypes == dict.fromkeys(("a_ptr", "b_ptr", "c_ptr"), item.dtype)


WRAPPER = HEADER + "@triton.jit\ndef k(x_ptr, FLAG: tl.constexpr):\n    pass\n\n\ndef run(x):\n{body}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    k[(1,)](x, FLAG=x.dtype in (torch.float16, torch.bfloat16))\n", {"fp32": False, "fp16": True}),
        ("    f = 1 if x.dtype is torch.float16 else 2\n    k[(1,)](x, FLAG=f)\n", {"fp32": 2, "fp16": 1}),
        ("    if x.dtype != torch.float16:\n        raise TypeError\n    k[(1,)](x, FLAG=3)\n", {"fp16": 3}),
        ("    assert x.dtype == torch.float32\n    k[(1,)](x, FLAG=4)\n", {"fp32": 4}),
        ("    f = 1\n    if x.is_cuda:\n        f = 2\n    k[(1,)](x, FLAG=f)\n", {"fp32": None, "fp16": None}),
        (
            "    f = 1\n    for i in range(3):\n        f = f * 2\n    k[(1,)](x, FLAG=f)\n",
            {"fp32": None, "fp16": None},
        ),
        ("    k[(1,)](x, FLAG=triton.next_power_of_2(100))\n", {"fp32": 128, "fp16": 128}),
    ],
)
def test_flags(body: str, expected: dict[str, object]) -> None:
    found = {item.dtype: item.constants.get("FLAG") for item in specialisations(model(WRAPPER.format(body=body)))}
    assert {dtype: value for dtype, value in found.items() if dtype in ("fp32", "fp16")} == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("    k[(1,)](x.half(), FLAG=0)\n", {"fp16"}),
        ("    x = x.to(torch.bfloat16)\n    k[(1,)](x, FLAG=0)\n", {"bf16"}),
        ("    y = torch.empty_like(x, dtype=torch.float32)\n    k[(1,)](y, FLAG=0)\n", {"fp32"}),
        ("    k[(1,)](x.contiguous().view(-1), FLAG=0)\n", {"fp32", "fp16", "bf16", "fp64"}),
        ("    k[(1,)](torch.stack([x]), FLAG=0)\n", set()),
    ],
)
def test_dtypes_of_pointers(body: str, expected: set[str]) -> None:
    found = specialisations(model(WRAPPER.format(body=body)))
    assert {item.dtypes["x_ptr"] for item in found if "x_ptr" in item.dtypes} == expected


def test_forward_is_followed_into_the_wrapper() -> None:
    text = WRAPPER.format(body="    k[(1,)](x, FLAG=x.dtype == torch.float16)\n")
    text += "\n\nclass ModelNew(nn.Module):\n    def forward(self, x):\n        return run(x.half())\n"
    assert {(item.dtypes["x_ptr"], item.constants["FLAG"]) for item in specialisations(model(text))} == {("fp16", True)}
