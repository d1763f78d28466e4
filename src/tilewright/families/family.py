"""What a family of kernels has to be able to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, TypeAlias

from tilewright.records.launch import Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted, Refusal
from tilewright.records.work import Work

Plan: TypeAlias = tuple[Schedule, ...]
"""One Schedule, or the entries of an autotune list; the entries differ in one tunable group of the stage only."""


class Family(Protocol):
    """One kind of Algorithm. Lifting may be optimistic: nothing a family emits is believed until it is proven."""

    @property
    def name(self) -> str:
        """One word, as it stands in tables."""

    def lift(self, launch: Launch) -> Lifted | Refusal:
        """The Algorithm and Schedule of a captured launch, or why this family cannot read it."""

    def candidates(self, lifted: Lifted, target: Target, stage: Stage) -> tuple[Plan, ...]:
        """Plans worth looking at, legal on ``target``, that change only what ``stage`` owns; none repeats the input."""

    def variants(self, lifted: Lifted, base: Schedule, target: Target, fields: Collection[str]) -> tuple[Schedule, ...]:
        """Single schedules, legal on ``target``, that differ from ``base`` in ``fields`` only; ``base`` left out."""

    def emit(self, source: KernelSource, lifted: Lifted, plan: Sequence[Schedule], *, docstring: str) -> str | Refusal:
        """The whole new file, or why this file's wrapper cannot be rewritten.

        Args:
            source: The input.
            lifted: What ``lift`` made of one of its launches.
            plan: One of ``candidates``.
            docstring: What changed and why, for the kernel's docstring.
        """

    def work(self, lifted: Lifted, schedule: Schedule, launch: Launch, *, as_input: bool = False) -> Work:
        """What one launch under ``schedule`` does to the machine, with the values of ``launch``.

        A kernel that is emitted may leave out work which the input does: ``as_input`` counts that too.
        """
