"""What Python users hand in: paths, texts, models and tensors."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilewright.api.given import reference_path, request_of, spec_of
from tilewright.errors import InputError
from tilewright.source.inputs import parse_inputs

KERNEL = Path(__file__).parents[2] / "examples/softmax_three_kernels/input.py"


def test_a_path_and_a_text_give_the_same_kernels() -> None:
    text = KERNEL.read_text(encoding="utf-8")
    by_path, by_text = request_of(KERNEL), request_of(text)
    assert by_path.source.kernels == by_text.source.kernels
    assert (by_path.source.path, by_text.source.path) == (str(KERNEL), "model_new")


class Stands:
    """A class in this file, which holds no kernel."""


@pytest.mark.parametrize("thing", [Stands, Stands()], ids=["class", "instance"])
def test_a_model_stands_for_its_file(thing: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, Stands.__module__, SimpleNamespace(__file__=str(KERNEL)))
    assert request_of(thing).source.path == str(KERNEL)


def test_what_stands_in_no_file_says_what_to_pass() -> None:
    Loose = type("Loose", (), {"__module__": "no_such_module"})
    with pytest.raises(InputError, match=r"Loose stands in no file.*text"):
        request_of(Loose)


def test_a_reference_s_text_is_written_where_the_run_can_read_it(tmp_path: Path) -> None:
    assert reference_path(None, tmp_path) is None
    assert reference_path("reference.py", tmp_path) == "reference.py"
    written = reference_path("import torch\nclass Model: ...\n", tmp_path)
    assert written is not None
    assert Path(written).read_text(encoding="utf-8") == "import torch\nclass Model: ...\n"


def test_tensors_become_spec() -> None:
    found = spec_of([torch.empty(3, 4), torch.empty(2, dtype=torch.bfloat16), 0.5, True, None])
    assert found == "x0=f32[3,4] x1=bf16[2] x2=0.5 x3=True x4=None"


def test_a_view_keeps_its_strides() -> None:
    assert spec_of([torch.empty(4, 3).t()]) == "x0=f32[3,4]{1,3}"


def test_a_text_is_spec_already() -> None:
    assert spec_of("A=f32[1]") == "A=f32[1]"
    assert spec_of(None) is None


@pytest.mark.parametrize("thing", [torch.empty(2, dtype=torch.complex64), object()])
def test_what_spec_cannot_say_is_an_input_error(thing: object) -> None:
    with pytest.raises(InputError):
        spec_of([thing])


@given(shape=st.lists(st.integers(1, 5), max_size=4), order=st.randoms(use_true_random=False))
def test_spec_says_shape_and_strides_of_every_view(shape: list[int], order: object) -> None:
    axes = list(range(len(shape)))
    order.shuffle(axes)  # type: ignore[attr-defined]
    view = torch.empty(shape).permute(axes)
    (spec,) = parse_inputs(spec_of([view]) or "")
    assert spec.shape == tuple(view.shape)
    if spec.strides is None:
        assert view.is_contiguous() or math.prod(shape) == 1
    else:
        assert spec.strides == view.stride()
