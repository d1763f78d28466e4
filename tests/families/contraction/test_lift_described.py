"""Kernels that take descriptors made on the host lift; their lengths and strides are those that the launch passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import evaluated
import numpy as np
import pytest
import ttir_of

from tilewright.families.contraction.lift import lift
from tilewright.families.contraction.sizes import sizes_of
from tilewright.records.algorithm import Contraction
from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.trial import Lifted, Refusal

BLOCKS = {"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16}
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    shapes: Callable[[int, int, int], dict[str, tuple[int, ...]]]
    blocks: dict[str, tuple[int, ...]]
    formula: Callable[[Arrays], np.ndarray]
    extents: dict[str, str]
    out: str = "c_desc"
    scalars: tuple[str, ...] = ("K",)

    def launch(self, kernel: str, m: int, n: int, k: int, capability: int = 90) -> Launch:
        shapes = self.shapes(m, n, k)
        return ttir_of.launch(
            "described", kernel, tensors={name: ("fp16", shape) for name, shape in shapes.items()},
            scalars=dict.fromkeys(self.scalars, k), constants=dict(BLOCKS), compute_capability=capability,
            grid=(-(-m // 32), -(-n // 64), 3 if kernel == "hosted_batch" else 1), blocks=self.blocks,
        )  # fmt: skip


CASES = {
    "hosted": Case(
        lambda m, n, k: {"a_desc": (m, k), "b_desc": (n, k), "c_desc": (m, n)},
        {"a_desc": (32, 16), "b_desc": (64, 16), "c_desc": (32, 64)},
        lambda x: x["a_desc"] @ x["b_desc"].T,
        {"m": "c_desc_shape_0", "n": "c_desc_shape_1", "k": "K"},
    ),
    "hosted_alone": Case(
        lambda m, n, k: {"a_desc": (m, k), "b_desc": (k, n), "c_ptr": (m, n)},
        {"a_desc": (32, 16), "b_desc": (16, 64)},
        lambda x: x["a_desc"] @ x["b_desc"],
        {"m": "a_desc_shape_0", "n": "b_desc_shape_1", "k": "a_desc_shape_1"},
        out="c_ptr",
        scalars=(),
    ),
    "hosted_batch": Case(
        lambda m, n, k: {"a_desc": (3, m, k), "b_desc": (3, k, n), "bias_desc": (n,), "c_desc": (3, m, n)},
        {"a_desc": (1, 32, 16), "b_desc": (1, 16, 64), "bias_desc": (64,), "c_desc": (1, 32, 64)},
        lambda x: np.maximum(x["a_desc"] @ x["b_desc"] + x["bias_desc"], 0),
        {"m": "c_desc_shape_1", "n": "c_desc_shape_2", "k": "K", "b0": "a_desc_shape_0"},
    ),
}


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("name", CASES)
def test_what_is_lifted_computes_what_the_kernel_does(name: str, capability: int) -> None:
    case = CASES[name]
    launch = case.launch(name, 72, 152, 56, capability)
    lifted = lift(launch)
    assert isinstance(lifted, Lifted), lifted
    assert isinstance(lifted.algorithm, Contraction)
    memory = evaluated.buffers(launch)
    shapes = case.shapes(72, 152, 56)
    given = {key: value.reshape(shapes[key]).astype(np.float64) for key, value in memory.items()}
    evaluated.run(lifted.algorithm, launch, memory)
    np.testing.assert_allclose(memory[case.out].reshape(shapes[case.out]), case.formula(given), rtol=1e-3, atol=1e-2)
    # only GPUs with a copy engine have descriptors left in the IR
    assert lifted.schedule.descriptors == (capability == 90)


@pytest.mark.parametrize("name", CASES)
def test_axes_of_one_length_are_not_mixed_up(name: str) -> None:
    lifted = [lift(CASES[name].launch(name, *sizes)) for sizes in ((72, 152, 56), (64, 64, 64))]
    algorithms = [one.algorithm for one in lifted if isinstance(one, Lifted)]
    assert [dict(one.extents) for one in algorithms if isinstance(one, Contraction)] == [CASES[name].extents] * 2
    assert algorithms[0] == algorithms[1]


def test_a_descriptor_may_show_a_part_of_its_tensor() -> None:
    launch = CASES["hosted"].launch("hosted", 64, 128, 32)
    arguments = [replace(one, strides=(256, 1)) if isinstance(one, TensorArgument) else one for one in launch.arguments]
    lifted = lift(replace(launch, arguments=tuple(arguments)))
    assert isinstance(lifted, Lifted)
    assert isinstance(lifted.algorithm, Contraction)
    assert lifted.algorithm.a.strides == {"m": "a_desc_stride_0", "k": "1"}
    assert sizes_of(lifted.algorithm, lifted.launch) == {"m": 64, "n": 128, "k": 32}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"padding": "nan"}, "the kernel reads NaN beyond the ends of a_desc"),
        ({"rounds_to_tf32": True}, "the kernel reads a_desc through a descriptor that rounds to TF32"),
    ],
)
def test_a_descriptor_that_does_more_than_a_masked_load_is_declined(change: dict[str, Any], reason: str) -> None:
    launch = CASES["hosted"].launch("hosted", 64, 128, 32)
    first, *rest = launch.arguments
    assert isinstance(first, TensorArgument)
    refused = lift(replace(launch, arguments=(replace(first, **change), *rest)))
    assert isinstance(refused, Refusal)
    assert refused.reason == reason


def test_a_descriptor_that_the_launch_does_not_show_is_declined() -> None:
    launch = CASES["hosted"].launch("hosted", 64, 128, 32)
    arguments = [replace(one, block_shape=()) if isinstance(one, TensorArgument) else one for one in launch.arguments]
    refused = lift(replace(launch, arguments=tuple(arguments)))
    assert isinstance(refused, Refusal)
    assert refused.reason == "the kernel takes a tensor descriptor that the launch does not show"


def test_a_parameter_that_is_called_like_a_part_of_a_descriptor_is_declined() -> None:
    names = ("a_desc", "b_desc", "c_desc")
    launch = ttir_of.launch(
        "described", "misnamed", tensors=dict.fromkeys(names, ("fp16", (32, 32))), scalars={"a_desc_shape_0": 7},
        constants={"BLOCK": 32}, grid=(1, 1, 1), blocks=dict.fromkeys(names, (32, 32)), compute_capability=90,
    )  # fmt: skip
    refused = lift(launch)
    assert isinstance(refused, Refusal)
    assert "called like a part of the descriptor a_desc" in refused.reason


def test_a_split_of_k_into_a_workspace_is_called_so() -> None:
    launch = ttir_of.launch(
        "described", "workspace", scalars={"M": 70, "N": 150, "K": 50}, constants=BLOCKS | {"SPLIT_K": 2},
        tensors={"a_ptr": ("fp32", (70, 50)), "b_ptr": ("fp32", (50, 150)), "w_ptr": ("fp32", (2, 70, 150))},
        grid=(3, 3, 2),
    )  # fmt: skip
    refused = lift(launch)
    assert isinstance(refused, Refusal)
    assert "sum over each part of k beside the others, in w_ptr" in refused.reason
    assert "added up elsewhere" in refused.reason
