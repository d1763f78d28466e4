"""Sets of inputs for timed calls: worker side."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from typing import Any

import torch

from tilewright.capture import model
from tilewright.prove import generate
from tilewright.prove.arrays import DTYPES

_MOST, _SHARE = 4, 0.2
"""Sets, and the part of the free memory that they may take together."""
_MODULE = "tilewright_timing_reference"


class Sets:
    """Several sets of forward's arguments, at different places in memory.

    Values of a reference stay; those made here are made anew for every block, in the same memory.
    """

    def __init__(
        self,
        inputs: list[dict[str, Any]],
        reference: str | None,
        *,
        seed: int,
        device: str,
        free_bytes: int,
        reseed: Callable[[int], None],
    ) -> None:
        """Make the sets.

        Args:
            inputs: as :func:`tilewright.timing.call.call_arguments` has them.
            reference: path of a reference file, or ``None``.
            seed: of the values.
            device: where the tensors lie.
            free_bytes: memory of the device that nothing uses yet.
            reseed: sets PyTorch's generators.

        Raises:
            Exception: whatever the reference raises.
        """
        self._inputs, self._seed, self._device, self._reseed = inputs, seed, device, reseed
        size = max(1, sum(_bytes(spec) for spec in inputs if "value" not in spec))
        count = max(1, min(_MOST, int(_SHARE * free_bytes) // size))
        self.notes: list[str] = []
        self._given = self._of_reference(reference, count) if reference is not None else []
        self._sets = self._given or [self._made(f"set {number}") for number in range(count)]

    def __len__(self) -> int:
        return len(self._sets)

    def __getitem__(self, index: int) -> list[Any]:
        return self._sets[index]

    def refresh(self, index: int, salt: str) -> None:
        """Put other values into a set, in place; those of a reference stay, for nothing else may be like them."""
        if self._given:
            return
        for position, (spec, tensor) in enumerate(zip(self._inputs, self._sets[index], strict=True)):
            if "value" not in spec:
                _fill(tensor, self._values(position, salt))

    def _made(self, salt: str) -> list[Any]:
        return [
            spec["value"] if "value" in spec else self._place(spec, self._values(position, salt))
            for position, spec in enumerate(self._inputs)
        ]

    def _values(self, position: int, salt: str) -> torch.Tensor:
        told = {
            "seed": self._seed,
            "salt": salt,
            "distribution": "uniform",
            "moved_by": 0.0,
            "specs": [{} if "value" in spec else spec for spec in self._inputs],
        }
        return generate.values(told, position, self._device)

    def _place(self, spec: dict[str, Any], values: torch.Tensor) -> torch.Tensor:
        """A tensor in the stated layout."""
        values = values.to(device=self._device, dtype=DTYPES[spec["dtype"]])
        strides, offset = spec["strides"], spec["offset"]
        if strides is None and not offset:
            return values.contiguous()
        strides = list(values.contiguous().stride()) if strides is None else strides
        extent = 1 + sum((size - 1) * stride for size, stride in zip(values.shape, strides, strict=True))
        storage = torch.zeros(max(extent, 1) + offset, dtype=values.dtype, device=self._device)
        placed = storage.as_strided(values.shape, strides, offset)
        _fill(placed, values)
        return placed

    def _of_reference(self, path: str | None, count: int) -> list[list[Any]]:
        """What ``get_inputs`` returns, ``count`` times; nothing where that is of other shapes than the problem."""
        module = model.load(str(path), _MODULE)
        found = []
        for number in range(count):
            self._reseed(zlib.crc32(f"{self._seed}/{number}".encode()))
            values = self._ask(module)
            if not _fits(self._inputs, values):
                self.notes.append("values are uniform in [0, 1): the reference's get_inputs() are of other shapes")
                return []
            found.append(
                [
                    spec["value"] if "value" in spec else self._place(spec, value)
                    for spec, value in zip(self._inputs, values, strict=True)
                ]
            )
        return found

    def _ask(self, module: Any) -> list[Any]:
        values: Any = None
        # on the device itself, which is many times as fast; not every function that makes tensors can do that
        with contextlib.suppress(Exception), torch.device(self._device):
            values = module.get_inputs()
        values = module.get_inputs() if values is None else values
        return list(values.values()) if isinstance(values, dict) else list(values)


def _fits(inputs: list[dict[str, Any]], values: list[Any]) -> bool:
    if len(inputs) != len(values):
        return False
    for spec, value in zip(inputs, values, strict=True):
        if isinstance(value, torch.Tensor) == ("value" in spec):
            return False
        if isinstance(value, torch.Tensor):
            same = list(value.shape) == spec["shape"] and value.dtype is DTYPES.get(spec["dtype"])
            if not same:
                return False
        elif value != spec["value"]:
            return False
    return True


def _fill(tensor: torch.Tensor, values: torch.Tensor) -> None:
    # an expanded dimension is one place in memory, which can be written once only
    once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())
    tensor[once].copy_(values[once])


def _bytes(spec: dict[str, Any]) -> int:
    count = 1
    for size in spec["shape"]:
        count *= int(size)
    return count * int(DTYPES[spec["dtype"]].itemsize)
