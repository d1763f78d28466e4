"""One model of a file, and what it holds: worker side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch


class Instance:
    """One model, with what its latest call was given and gave back."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.inputs: list[Any] = []
        self.outputs: dict[str, Any] = {}
        self._first = self._buffers()

    def state(self) -> dict[str, Any]:
        """Parameters and buffers by name, as they are."""
        return dict(self.model.state_dict(keep_vars=True)) if isinstance(self.model, torch.nn.Module) else {}

    @contextlib.contextmanager
    def buffers(self, probe: str, continues: bool) -> Iterator[None]:
        """Give the call the buffers of a fresh model, unless it ``continues``; a probe leaves no trace in them."""
        if continues:
            yield
            return
        now = self._buffers()
        self.rewind()
        if probe == "fresh":
            yield
            return
        try:
            yield
        finally:
            self._set(now)

    def rewind(self) -> None:
        """Set the buffers to those of a fresh model."""
        self._set(self._first)

    def _buffers(self) -> dict[str, torch.Tensor]:
        named = self.model.named_buffers() if isinstance(self.model, torch.nn.Module) else ()
        return {name: value.clone() for name, value in named}

    def _set(self, buffers: dict[str, torch.Tensor]) -> None:
        own = dict(self.model.named_buffers()) if buffers else {}
        for name, value in buffers.items():
            if name in own and own[name].shape == value.shape:
                own[name].copy_(value)


def fill_unset(model: torch.nn.Module, seed: int) -> None:
    """Give parameters that the file leaves as ``torch.empty`` values that can be compared."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict(keep_vars=True).values():
        if value.is_floating_point() and bool(torch.isnan(value).any()):
            value.data.copy_(torch.randn(value.shape, generator=generator))


def load_state(model: torch.nn.Module, folder: Path, names: list[str]) -> None:
    """Copy the given state where name and shape agree."""
    own = model.state_dict(keep_vars=True)
    for index, name in enumerate(names):
        if name in own:
            values = torch.from_numpy(np.load(folder / f"given_state_{index}.npy", allow_pickle=False).copy())
            if values.shape == own[name].shape:
                own[name].data.copy_(values)
