"""GPU memory whose every byte is known before a call: worker side.

Each tensor that a call receives, or makes by one of torch's functions for fresh tensors, lies between two redzones;
fresh memory, and the memory that the allocator holds free, is poisoned. What a kernel reads outside its tensors, or
before it was written, is NaN; what it writes outside shows in a redzone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from tilewright.prove.device import poison

_REDZONE_BYTES, _LARGE_REDZONE_BYTES = 1 << 16, 1 << 20
"""On each side of a tensor, below and from a megabyte: an unmasked tile reaches that far beyond its tensor."""
_ALL_ONES = 0xFF
"""NaN as float of every width, -1 as integer: as telling when read as when overwritten."""
_SMALL_BYTES = 1 << 20
"""Up to here the allocator serves requests from segments of their own; what is left of a large one serves nobody."""

_EMPTY = {
    torch.empty,
    torch.empty_like,
    torch.empty_strided,
    torch.empty_permuted,
    torch.Tensor.new_empty,
    torch.Tensor.new_empty_strided,
}
_FILLED = {
    *(torch.zeros, torch.zeros_like, torch.ones, torch.ones_like, torch.full, torch.full_like, torch.clone),
    *(torch.Tensor.new_zeros, torch.Tensor.new_ones, torch.Tensor.new_full, torch.Tensor.clone),
    *(torch.Tensor.contiguous, torch.Tensor.to, torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16),
}


class Redzones:
    """The tensors that were placed between redzones since the last check."""

    def __init__(self) -> None:
        self._placed: list[tuple[str, torch.Tensor, int, int]] = []

    def place(self, like: torch.Tensor, strides: list[int], offset: int, name: str) -> torch.Tensor:
        """A tensor of the shape and type of ``like``, poisoned, between redzones."""
        item = like.element_size()
        extent = 1 + sum((size - 1) * stride for size, stride in zip(like.shape, strides, strict=True))
        if like.numel() == 0:
            extent = 0
        used = (extent + offset) * item
        zone = _LARGE_REDZONE_BYTES if used >= _LARGE_REDZONE_BYTES else _REDZONE_BYTES
        end = zone + -(-used // 16) * 16
        raw = torch.empty(end + zone, dtype=torch.uint8, device=like.device)
        raw[:zone].fill_(_ALL_ONES)
        raw[zone + used :].fill_(_ALL_ONES)
        body = raw[zone : zone + used].view(like.dtype)
        poison(body)
        self._placed.append((name, raw, zone, used))
        return body.as_strided(like.shape, strides, offset + zone // item)

    def check(self) -> list[str]:
        """What was written outside, one entry a tensor; forgets them all."""
        placed, self._placed = self._placed, []
        if not placed:
            return []
        counts = []
        for _, raw, zone, used in placed:
            counts.append(torch.stack(((raw[:zone] != _ALL_ONES).sum(), (raw[zone + used :] != _ALL_ONES).sum())))
        found = []
        for (name, raw, zone, used), (before, after) in zip(placed, torch.stack(counts).tolist(), strict=True):
            if before or after:
                side = "before" if before else "after"
                first = int((raw[zone + used :] != _ALL_ONES).nonzero()[0]) if after else zone
                distance = f", the first {first} bytes past its end" if after else ""
                found.append(f"{before + after} bytes {side} {name} ({used} bytes) were overwritten{distance}")
        return found


class _Placing(TorchFunctionMode):  # type: ignore[misc]
    """Puts fresh CUDA tensors between redzones."""

    def __init__(self, zones: Redzones) -> None:
        super().__init__()
        self.zones = zones

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        fresh = func in _EMPTY
        if not (fresh or func in _FILLED) or not isinstance(result, torch.Tensor) or not result.is_cuda:
            return result
        given = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if not fresh and given is not None and result.data_ptr() == given.data_ptr():
            return result
        if result.requires_grad or 0 in result.stride() or result.is_sparse:
            return result
        with torch._C.DisableTorchFunction():
            name = "a tensor made by " + func.__name__
            placed = self.zones.place(result, list(result.stride()), 0, name)
            if not fresh:
                placed.copy_(result)
        return placed


@contextlib.contextmanager
def placing(zones: Redzones) -> Iterator[None]:
    """Put every fresh CUDA tensor inside the context between redzones."""
    with _Placing(zones):
        yield


def poison_free_memory() -> None:
    """Fill what the caching allocator holds free with NaN, so that no right answer of an earlier call lies there.

    Each free block is asked for by its own size, which the allocator answers with that block: nothing grows.
    """
    sizes = []
    for segment in torch.cuda.memory_snapshot():
        least = _SMALL_BYTES if segment["segment_type"] == "large" else 0
        free = (block["size"] for block in segment["blocks"] if block["state"] == "inactive")
        sizes += [size for size in free if size > least]
    held = [torch.empty(size, dtype=torch.uint8, device="cuda") for size in sorted(sizes, reverse=True)]
    for block in held:
        block.fill_(_ALL_ONES)
