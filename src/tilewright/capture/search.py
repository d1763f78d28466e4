"""Calls of forward on tensors without memory, and what their failures say about the shapes."""

from __future__ import annotations

import inspect
import itertools
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tilewright.capture import device as devices
from tilewright.capture import model
from tilewright.capture.model import Stopped
from tilewright.capture.recorder import Recorder
from tilewright.capture.shapes import Shapes

_TRIES = 300
_SECONDS = 10.0
_INDEX_NAME = re.compile(r"(^|_)(idx|ids?|index|indices|targets?|labels?|positions?)$")


@dataclass(slots=True)
class Search:
    """One search: what is called, and how often it was."""

    made: Any
    recorder: Recorder
    parameters: Sequence[inspect.Parameter]
    tensors: tuple[int, ...]
    """Positions among the parameters that are tensors."""
    plain: Mapping[int, Any]
    """Values of the others."""
    tries: int = 0
    deadline: float = math.inf
    failure: Stopped | None = None
    """The last that went wrong."""

    def spent(self) -> bool:
        """Whether the search has taken all that it may."""
        return self.tries >= _TRIES or time.monotonic() > self.deadline

    def values(self, shapes: Shapes) -> list[Any]:
        """Forward's arguments for these shapes."""
        values = []
        for position, parameter in enumerate(self.parameters):
            if position in self.plain:
                values.append(self.plain[position])
            else:
                dtype = torch.int64 if _INDEX_NAME.search(parameter.name.lower()) else torch.float32
                shape = shapes.shape(self.tensors.index(position))
                values.append(torch.empty(shape, dtype=dtype, device="cuda"))
        return values

    def attempt(self, shapes: Shapes) -> bool:
        """Call forward once; whether it came to its end and launched something."""
        self.tries += 1
        if self.tries == 2:
            # the first call pays for what PyTorch imports when it is first needed
            self.deadline = time.monotonic() + _SECONDS
        values = self.values(shapes)
        observed = self.recorder.device
        observed.observe_lengths = True
        observed.read.clear()
        devices.comparisons.clear()
        self.failure = None
        try:
            model.forward(self.made, values, self.recorder)
        except Stopped as stopped:
            self.failure = stopped
            return stopped.needs_value and bool(self.recorder.notes)
        finally:
            observed.observe_lengths = False
        return bool(self.recorder.notes)

    def unify(self, shapes: Shapes) -> Shapes | None:
        """Merge classes, guided by what fails, until forward runs; ``None`` where nothing more can be merged."""
        while not self.spent():
            if self.attempt(shapes):
                return shapes
            seen = list(devices.comparisons)
            if not any(self._apply(shapes, first, second) for first, second in self._suspects(shapes, seen)):
                return None
        return None

    def _suspects(self, shapes: Shapes, seen: list[tuple[int, int, bool]]) -> Iterator[tuple[int, int]]:
        """Pairs of sizes that should perhaps be equal: the latest comparison first, then numbers in the error."""
        for first, second, equal in reversed(seen):
            if not equal:
                yield first, second
        message = "" if self.failure is None else self.failure.message
        numbers = [int(each) for each in re.findall(r"\d+", message)]
        pairs = dict.fromkeys([*itertools.pairwise(numbers), *itertools.combinations(numbers, 2)])
        # an error about two shapes names one after the other: neighbours inside one tensor are the least likely
        yield from sorted(pairs, key=lambda pair: shapes.share_a_tensor(*pair))

    @staticmethod
    def _apply(shapes: Shapes, first: int, second: int) -> bool:
        ours, theirs = shapes.of_size(first), shapes.of_size(second)
        if ours and theirs:
            return shapes.merge(ours[0], theirs[0])
        if ours and not theirs:
            return shapes.fix(ours[0], second)
        return bool(theirs) and shapes.fix(theirs[0], first)
