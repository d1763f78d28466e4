"""The names and signatures that users may rely on: changing one changes the interface, and stands in CHANGELOG.md."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

import tilewright
from tilewright import api

SIGNATURES = {
    "optimize": "(model_new: 'Given', reference: 'Given | None' = None, inputs: 'str | Sequence[Any] | None' = None, "
    "*, "
    "gpu: 'str | None' = None, stage: 'str | None' = None, metrics: 'str | None' = None, precision: "
    "'Precision | str' = <Precision.NO_WORSE: 'no-worse'>, device: 'Device | str | None' = None, limit_s: "
    "'float' = 270.0, autotune: 'bool' = False, seed: 'int | None' = None, allow_unsandboxed: 'bool' = "
    "False, store: 'str | os.PathLike[str] | None' = None, on_step: 'OnStep | None' = None, on_run: "
    "'Callable[[Run], None] | None' = None) -> 'Optimized'",
    "resume": "(run: 'str' = 'last', *, store: 'str | os.PathLike[str] | None' = None, allow_unsandboxed: 'bool' = "
    "False, on_step: 'OnStep | None' = None, on_run: 'Callable[[Run], None] | None' = None) -> 'Optimized'",
    "runs": "(*, store: 'str | os.PathLike[str] | None' = None) -> 'tuple[RunRow, ...]'",
    "verify": "(candidate: 'str', *, reference: 'str | None' = None, original: 'str | None' = None, "
    "gpu: 'str | None' = None, device: 'Device | str' = <Device.NONE: 'none'>, precision: 'Precision | str' = "
    "<Precision.NO_WORSE: 'no-worse'>, seed: 'int | None' = None, timeout_s: 'float' = 60.0, "
    "large: 'bool' = False, architecture: 'str | None' = None, allow_unsandboxed: 'bool' = False, "
    "on_step: 'Callable[[str], None] | None' = None) -> 'Verification'",
    "verify_certificate": "(path: 'str', *, candidate: 'str | None' = None, gpu: 'str | None' = None, "
    "device: 'Device | str' = <Device.NONE: 'none'>, seed: 'int | None' = None, timeout_s: 'float | None' = None, "
    "large: 'bool' = False, architecture: 'str | None' = None, allow_unsandboxed: 'bool' = False, "
    "on_step: 'Callable[[str], None] | None' = None) -> 'Verification'",
    "bench": "(baseline: 'str', candidate: 'str', *, reference: 'str | None' = None, inputs: 'str | None' = None, "
    "device: 'Device | str' = <Device.CUDA: 'cuda'>, seconds: 'float' = 20.0, seed: 'int | None' = None, "
    "allow_unsandboxed: 'bool' = False, on_step: 'Callable[[str], None] | None' = None) -> 'Comparison'",
    "inspect": "(path: 'str', *, gpu: 'str | None' = None, reference: 'str | None' = None, "
    "inputs: 'str | None' = None) -> 'Inspection'",
    "profile": "(path: 'str', *, reference: 'str | None' = None, stage: 'str | None' = None, "
    "metrics: 'str | None' = None, gpu: 'str | None' = None, inputs: 'str | None' = None, seed: 'int | None' = None, "
    "timeout_s: 'float' = 300.0, keep: 'str | None' = None, allow_unsandboxed: 'bool' = False, "
    "on_step: 'OnStep | None' = None) -> 'Profiled'",
    "lint_file": "(path: 'str', *, inputs: 'str | None' = None, gpu: 'str | None' = None) -> 'tuple[Finding, ...]'",
    "render_report": "(run: 'str' = 'last', *, output_format: 'Format | str' = <Format.HTML: 'html'>, "
    "store: 'str | os.PathLike[str] | None' = None) -> 'str'",
    "fix_file": "(path: 'str') -> 'tuple[str, tuple[Finding, ...]]'",
}


def test_exported_names() -> None:
    assert tilewright.__all__ == [
        "Bencher",
        "Comparison",
        "InputError",
        "Interrupted",
        "Optimized",
        "Profiled",
        "StoreError",
        "TilewrightError",
        "TimingError",
        "Verification",
        "Verifier",
        "__version__",
        "bench",
        "fix_file",
        "inspect",
        "lint_file",
        "optimize",
        "profile",
        "render_report",
        "resume",
        "runs",
        "verify",
        "verify_certificate",
    ]


@pytest.mark.parametrize("name", tilewright.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(tilewright, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = tilewright.optimise


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name: str) -> None:
    assert str(inspect.signature(getattr(tilewright, name))) == SIGNATURES[name]


def test_what_optimize_returns() -> None:
    assert [field.name for field in fields(tilewright.Optimized)] == ["source", "run", "verification", "document"]
    for name in ("improved", "speedup"):
        assert isinstance(getattr(tilewright.Optimized, name), property)


def test_errors_form_one_tree() -> None:
    assert issubclass(tilewright.InputError, tilewright.TilewrightError)


def test_choices_are_the_words_of_the_command_line() -> None:
    assert [one.value for one in api.Precision] == ["same", "no-worse", "tolerance"]
    assert sorted(one.value for one in api.Device) == ["cuda", "none"]


def test_device_cuda_is_refused_before_anything_is_read() -> None:
    with pytest.raises(tilewright.InputError, match="--device cuda"):
        tilewright.optimize("nowhere.py", device="cuda")


@pytest.mark.parametrize("option", ["precision", "device"])
def test_a_choice_that_does_not_exist_is_an_input_error(option: str) -> None:
    with pytest.raises(tilewright.InputError, match=f"{option}.*exact"):
        tilewright.optimize("nowhere.py", **{option: "exact"})
