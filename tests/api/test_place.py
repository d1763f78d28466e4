"""Where a run takes place: on the GPU in this machine if it is the target, and never somewhere else unsaid."""

from __future__ import annotations

import pytest

from tilewright import targets
from tilewright.api import measuring
from tilewright.api.options import Device
from tilewright.errors import InputError

DEFAULT, H200, ADA = targets.load("4090"), targets.load("h200"), targets.load("rtx4090")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An H200 in this machine."""
    monkeypatch.setattr(measuring.host, "gpu_is_visible", lambda: True)
    monkeypatch.setattr(measuring, "gpu_name", lambda: "NVIDIA H200")
    return monkeypatch


def test_no_gpu_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring.host, "gpu_is_visible", lambda: False)
    assert measuring.place(None, "4090", ADA) == (Device.NONE, ADA, "")
    with pytest.raises(InputError, match="no CUDA device is visible here; use --device none"):
        measuring.place(Device.CUDA, "4090", ADA)


@pytest.mark.usefixtures("here")
def test_the_gpu_here_is_the_target_where_nobody_named_one() -> None:
    assert measuring.place(None, None, DEFAULT) == (Device.CUDA, H200, "")


@pytest.mark.usefixtures("here")
def test_a_named_target_that_is_here_keeps_what_was_said_of_it() -> None:
    told = targets.load("h200", {"sm_count": 66})
    assert measuring.place(None, "h200", told) == (Device.CUDA, told, "")


@pytest.mark.usefixtures("here")
def test_another_target_is_predicted_and_said() -> None:
    where, target, note = measuring.place(None, "4090", ADA)
    assert (where, target) == (Device.NONE, ADA)
    assert note == f"the target is {ADA.title}, and {H200.title} is here: nothing is measured"
    with pytest.raises(InputError, match="pass --gpu h200, or --device none to predict"):
        measuring.place(Device.CUDA, "4090", ADA)


@pytest.mark.usefixtures("here")
def test_none_is_none_whatever_is_here() -> None:
    assert measuring.place(Device.NONE, "h200", H200) == (Device.NONE, H200, "")


@pytest.mark.parametrize("name", ["NVIDIA Tesla K80", ""])
def test_a_gpu_outside_the_catalog_measures_nothing(here: pytest.MonkeyPatch, name: str) -> None:
    here.setattr(measuring, "gpu_name", lambda: name)
    where, _, note = measuring.place(None, None, DEFAULT)
    assert where is Device.NONE
    assert "nothing is measured" in note
    with pytest.raises(InputError, match="catalog"):
        measuring.place(Device.CUDA, None, DEFAULT)
