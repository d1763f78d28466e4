"""Runs in a worker: watch calls of a file and return what was seen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch

from tilewright.prove import arithmetic, bounds, device, tuning
from tilewright.prove.structure.watch import Watch, odd_tensors


def watch(*, path: str, calls: list[dict[str, Any]], rows: int = 64, columns: int = 64) -> list[dict[str, Any]]:
    """Import the file at ``path``, call its model once for each of ``calls`` and return what each showed.

    Keys of a call: ``no_op``, and ``first`` (run every configuration, as a tuner does at first).
    """
    with torch.no_grad(), device.cuda_on_cpu(), tuning.see_through_autotune() as tuned:
        watched = Watch(path)
        module = _import(Path(path))
        model = module.ModelNew()
        return [_call(watched, model, tuned, call, torch.ones(rows, columns)) for call in calls]


def _call(watched: Watch, model: Any, tuned: tuning.Tuning, call: dict[str, Any], x: torch.Tensor) -> dict[str, Any]:
    tuned.reset(0, bool(call.get("first")))
    with (
        arithmetic.arithmetic("modelled"),
        bounds.lasting([("x", x)]),
        watched.call(no_op=bool(call.get("no_op"))),
    ):
        outputs = model(x)
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    seen = watched.seen() | {"odd": odd_tensors(outputs)}
    if type(first) is torch.Tensor and not first.is_meta and first.numel():
        value = first.resolve_conj().flatten()[0]
        seen["value"] = None if bool(torch.isnan(value.abs())) else float(value.real)
    return seen


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"watched_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
