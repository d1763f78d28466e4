"""Inputs too large to send: made in each worker from a seed that it is told only then. Worker side.

The same seed gives the same values in every process on one device with one version of PyTorch, so that the oracle,
the original and a candidate see the same numbers.
"""

from __future__ import annotations

import zlib
from typing import Any

import torch

_DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}
_INTEGERS = {"i8": torch.int8, "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64}
_EDGE = 4096
_AROUND = 1 << 31


def values(told: dict[str, Any], index: int, device: str) -> torch.Tensor:
    """The values of argument ``index``.

    Args:
        told: ``seed``, ``salt``, ``distribution`` (``normal`` or ``uniform``), ``specs`` (``dtype`` and ``shape`` of
            each argument), ``moved_by`` (relative change of every float element, up or down; 0 for none).
        index: of the argument.
        device: to make them on.
    """
    spec = told["specs"][index]
    shape, dtype = spec["shape"], spec["dtype"]
    salt = zlib.crc32(f"{told['salt']}/{told['distribution']}/{index}".encode())
    generator = torch.Generator(device=device).manual_seed((int(told["seed"]) ^ salt) & (2**63 - 1))
    if dtype == "bool":
        return torch.randint(0, 2, shape, generator=generator, device=device, dtype=torch.bool)
    if dtype in _INTEGERS:
        highest = min((size for each in told["specs"] for size in each.get("shape", ()) if size > 1), default=2)
        kind = _INTEGERS[dtype]
        most = min(highest, torch.iinfo(kind).max)
        return torch.randint(0, most, shape, generator=generator, device=device, dtype=kind)
    kind = _DTYPES[dtype]
    draw = torch.rand if told["distribution"] == "uniform" else torch.randn
    result = draw(shape, generator=generator, device=device, dtype=kind)
    if told["moved_by"]:
        signs = torch.randint(0, 2, shape, generator=generator, device=device, dtype=torch.int8) * 2 - 1
        result = result.double() * (1.0 + told["moved_by"] * signs)
    return result


def places(count: int, wanted: int, seed: int, device: Any) -> torch.Tensor:
    """Flat places to look at in a tensor of ``count`` elements: random ones, both ends, and around element 2**31."""
    generator = torch.Generator(device=device).manual_seed(seed & (2**63 - 1))
    some = torch.randint(0, count, (wanted,), generator=generator, device=device, dtype=torch.int64)
    parts = [torch.arange(_EDGE, device=device), some, torch.arange(count - _EDGE, count, device=device)]
    if count > _AROUND + _EDGE:
        parts.append(torch.arange(_AROUND - _EDGE, _AROUND + _EDGE, device=device))
    return torch.unique(torch.cat(parts))
