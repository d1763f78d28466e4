"""Shapes as classes of dimensions that must be equal, with one size a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Place = tuple[int, int]
"""A tensor's position among the inferred ones, and a dimension of it."""


@dataclass(slots=True)
class Shapes:
    """For each tensor the class of each dimension; for each class its size."""

    classes: list[list[int]]
    sizes: dict[int, int]
    fixed: set[int] = field(default_factory=set)
    """Classes whose size the code itself demands."""

    @classmethod
    def distinct(cls, ranks: Sequence[int], sizes: Sequence[int]) -> Shapes:
        """All dimensions in classes of their own, with sizes from the list in order."""
        classes, number = [], 0
        for rank in ranks:
            classes.append(list(range(number, number + rank)))
            number += rank
        return cls(classes, {each: sizes[each % len(sizes)] for each in range(number)})

    def copy(self) -> Shapes:
        """An independent copy."""
        return Shapes([list(each) for each in self.classes], dict(self.sizes), set(self.fixed))

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Sizes of one tensor."""
        return tuple(self.sizes[each] for each in self.classes[tensor])

    def at(self, place: Place) -> int | None:
        """Class at a place, or ``None`` where the tensor has no such dimension."""
        row = self.classes[place[0]]
        return row[place[1]] if -len(row) <= place[1] < len(row) else None

    def of_size(self, size: int) -> list[int]:
        """Classes that have this size, in order."""
        return [each for each in self.in_use() if self.sizes[each] == size]

    def in_use(self) -> list[int]:
        """Classes, in the order in which they first appear."""
        return list(dict.fromkeys(each for row in self.classes for each in row))

    def share_a_tensor(self, first: int, second: int) -> bool:
        """Whether both sizes stand in the shape of one tensor."""
        return any(first in sizes and second in sizes for sizes in map(self.shape, range(len(self.classes))))

    def merge(self, first: int, second: int) -> bool:
        """Make two classes one; whether that changed anything. Two sizes demanded by the code do not merge."""
        if first == second or (first in self.fixed and second in self.fixed):
            return False
        if second in self.fixed:
            self.sizes[first] = self.sizes[second]
            self.fixed.add(first)
        self.classes = [[first if each == second else each for each in row] for row in self.classes]
        del self.sizes[second]
        self.fixed.discard(second)
        return True

    def fix(self, which: int, size: int) -> bool:
        """Give a class the size that the code demands; whether that changed anything."""
        if which in self.fixed or size < 1 or self.sizes[which] == size:
            return False
        self.sizes[which] = size
        self.fixed.add(which)
        return True
