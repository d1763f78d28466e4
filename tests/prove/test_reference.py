"""What a reference is called with comes from the reference, without its memory where that goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilewright import targets
from tilewright.errors import ReferenceFileError
from tilewright.prove.reference import ReferenceCall, read_reference, read_reference_file, verified_file
from tilewright.records.source import TensorSpec
from tilewright.workers import Worker

GOOD = """import torch


class Model(torch.nn.Module):
    def __init__(self, width, taps=(1, 2)):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(width))

    def forward(self, x, scale):
        return scale * x * self.weight


def get_inputs():
    return [torch.rand(8, 4), 2]


def get_init_inputs():
    return [4, [1, 2]]
"""


def ask(text: str, worker: Worker) -> ReferenceCall:
    reference = verified_file("reference.py", text)
    return read_reference(reference, worker=worker, target=targets.load("rtx4090"), timeout_s=60)


def test_tensors_numbers_and_init_arguments(worker: Worker) -> None:
    call = ask(GOOD, worker)
    assert call.inputs == (
        TensorSpec(name="x", dtype="f32", shape=(8, 4)),
        TensorSpec(name="scale=2", dtype="python", shape=()),
    )
    assert call.init_arguments == (4, (1, 2))
    assert [(spec.dtype, spec.shape) for spec in call.outputs] == [("f32", (8, 4))]
    assert call.forward_error == ""


def test_inputs_larger_than_any_memory_cost_nothing(worker: Worker) -> None:
    call = ask(GOOD.replace("torch.rand(8, 4)", "torch.rand(1 << 40, 4, device='cuda')"), worker)
    assert call.inputs[0].shape == (1 << 40, 4)


@pytest.mark.parametrize(
    ("made", "dtype", "shape", "strides"),
    [
        ("torch.rand(4, 8).t()", "f32", (8, 4), (1, 8)),
        ("torch.randint(0, 9, (8, 4))", "i64", (8, 4), None),
        ("torch.rand(8, 4) > 0.5", "bool", (8, 4), None),
        ("torch.rand(8, 4).half().cuda()", "f16", (8, 4), None),
        ("torch.tensor(1.0, dtype=torch.float64)", "f64", (), None),
    ],
)
def test_kinds_of_tensors(
    made: str, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...] | None, worker: Worker
) -> None:
    assert ask(GOOD.replace("torch.rand(8, 4)", made), worker).inputs[0] == TensorSpec(
        name="x", dtype=dtype, shape=shape, strides=strides
    )


def test_inputs_that_compute_with_their_own_values_are_really_made(worker: Worker) -> None:
    made = "torch.ones(8, 4) * float(torch.arange(5).sum())"
    call = ask(GOOD.replace("torch.rand(8, 4)", made), worker)
    assert call.inputs[0].shape == (8, 4)


def test_what_forward_raises_is_told_and_no_fault_by_itself(worker: Worker) -> None:
    call = ask(GOOD.replace("return scale * x", "assert float(x.sum()) > 0\n        return scale * x"), worker)
    assert call.forward_error
    assert call.line == 10
    assert call.outputs == ()


REFUSED = [
    pytest.param("class Model(", "class Other(", r"no class Model; define", id="no Model"),
    pytest.param("def get_inputs", "def inputs", r"no function get_inputs; define", id="no get_inputs"),
    pytest.param("import torch\n", "import torch\nimport not_there\n", r":2: .*not_there", id="import"),
    pytest.param("import torch\n", "import torch +\n", r":1: the reference does not load: SyntaxError", id="syntax"),
    pytest.param("return [torch.rand", "raise ValueError('boo')\n    return [torch.rand", r":14: .*boo; ", id="raises"),
    pytest.param("return [4,", "return 1 / 0, [4,", r":18: get_init_inputs\(\) raises ZeroDiv", id="init raises"),
    pytest.param("return [4, [1, 2]]", "return ['wide']", r"Model\('wide'\) raises ", id="init misfit"),
    pytest.param("return [4, [1, 2]]", "return [4, {}]", r"get_init_inputs\(\) returns a dict; ", id="init kind"),
    pytest.param("8, 4), 2]", "8, 4)]", r"forward\(x, scale\) does not take the 1 inputs", id="too few"),
    pytest.param("8, 4), 2]", "8, 4), 'two']", r"returns a str for scale; ", id="text"),
    pytest.param("torch.rand(8, 4)", "[torch.rand(8, 4)]", r"returns a list for x; ", id="list"),
    pytest.param("torch.rand(8, 4)", "torch.rand(8, 4) * 1j", r"returns a c64 tensor for x; ", id="complex"),
    pytest.param("def forward", "def call", r"forward", id="no forward"),
]


@pytest.mark.parametrize(("old", "new", "expected"), REFUSED)
def test_a_reference_that_cannot_be_used(old: str, new: str, expected: str, worker: Worker) -> None:
    assert old in GOOD
    with pytest.raises(ReferenceFileError, match=expected) as raised:
        ask(GOOD.replace(old, new), worker)
    assert str(raised.value).startswith("reference.py:")
    assert "\n" not in str(raised.value)


def test_an_end_of_the_process_is_said_to_be_one(worker: Worker) -> None:
    with pytest.raises(ReferenceFileError, match=r"ended early: the worker ended itself with exit code 7"):
        ask(GOOD.replace("import torch\n", "import os\nimport torch\n\nos._exit(7)\n"), worker)


def test_a_file_with_other_line_ends_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_reference_file(str(tmp_path / "one.py")).sha256 == verified_file("", GOOD).sha256


@pytest.mark.parametrize(
    ("data", "expected"),
    [(None, "cannot be read: no such file"), (b"\xff\xfe\x00\x80", "is no text"), (b"#" * (5 << 20), "larger than 4")],
)
def test_a_file_that_cannot_be_read(data: bytes | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ReferenceFileError, match=expected):
        read_reference_file(str(path))
