"""Runs generated inputs in Triton's interpreter: worker side."""

from __future__ import annotations

from typing import Any

import torch

from tilewright.capture import model


def differences(*, folders: list[str]) -> dict[str, Any]:
    """Largest differences from the reference, by file, and the largest figure of the reference."""
    found = {}
    for number, folder in enumerate(folders):
        reference = model.load(f"{folder}/reference.py", f"reference_{number}")
        torch.manual_seed(number)
        inputs = reference.get_inputs()
        exact = reference.Model()(*[each.double() for each in inputs])
        told: dict[str, Any] = {"largest": exact.abs().max().item(), "shape": list(exact.shape)}
        for name in ("input", "torch"):
            answer = model.load(f"{folder}/{name}.py", f"{name}_{number}").ModelNew()(*inputs)
            told[name] = (answer.double() - exact).abs().max().item()
            told[f"{name} is alike"] = answer.shape == exact.shape and answer.dtype == inputs[0].dtype
        found[folder] = told
    return found
