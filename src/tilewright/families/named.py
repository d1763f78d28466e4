"""Emitters see every launch under its kernel's own name, also where the input launches through a local name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Protocol

from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Lifted, Refusal
from tilewright.source.aliases import with_named_launches


class Emit(Protocol):
    """What a family writes a file with."""

    def __call__(
        self, source: KernelSource, lifted: Lifted, plan: Sequence[Schedule], *, docstring: str
    ) -> str | Refusal:
        """The whole new file, or why there is none."""


def on_named_launches(emit: Callable[..., str | Refusal]) -> Emit:
    """Let an emitter start from a text in which kernels are launched by their own names."""

    @wraps(emit)
    def named(source: KernelSource, lifted: Lifted, plan: Sequence[Schedule], *, docstring: str) -> str | Refusal:
        text = with_named_launches(source.text)
        return emit(replace(source, text=text), lifted, plan, docstring=docstring)

    return named
