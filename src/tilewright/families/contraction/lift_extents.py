"""Gives every axis a length that an emitter can write down: parameters, or the launch's own grid."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tilewright.families.contraction.lift_access import as_polynomial
from tilewright.families.contraction.lift_axes import Axis, Batch
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.polynomial import Polynomial
from tilewright.families.ttir.state import DeclinedError


@dataclass(slots=True)
class Lengths:
    """Finds lengths in one launch; remembers which parameters already mean something."""

    parameters: Mapping[str, int]
    """Whole-number run-time parameters with their captured values."""
    grid: tuple[int, int, int]
    parts: Collection[str] = ()
    """Those of the parameters that came with descriptors."""
    used: set[str] = field(default_factory=set)

    def claim(self, values: Iterable[Polynomial]) -> None:
        """Mark the parameters in these values as used."""
        self.used.update(atom.name for value in values for atom in value.atoms() if atom.kind == "parameter")

    def of_tiles(self, axis: Axis, block: int, name: str, dense: Iterable[Polynomial]) -> Polynomial:
        """Length of m or n: the bound of its mask, or what the grid implies where nothing is masked.

        ``dense`` are strides that a dense tensor would have for its length: the one that agrees with the grid is it.

        Raises:
            DeclinedError: Nothing says how long the axis is.
        """
        if axis.extent is not None:
            if any(atom.kind != "parameter" for atom in axis.extent.atoms() if not atom.arguments):
                raise DeclinedError(f"bounds {name} by a number that differs between programs")
            return axis.extent
        if not axis.base:
            return p.number(block)
        tiles = as_polynomial(axis.base).divided(p.number(block))
        count = upper_bound(tiles) if tiles is not None else None
        if count is None:
            raise DeclinedError(f"says nowhere how long {name} is")
        length = count * p.number(block)
        captured = length.evaluate(self.values())
        same = [stride for stride in dense if stride.terms and stride.evaluate(self.values()) == captured]
        return same[0] if same and same[0].constant is None else self._named(length)

    def of_batch(self, batch: Batch, length: int) -> Polynomial:
        """Length of a batch axis, which was ``length`` in the captured launch."""
        bound = upper_bound(batch.value)
        if bound is not None and not bound.mentions("parameter", "programs"):
            return bound
        if bound is not None and not bound.mentions("programs"):
            return bound
        if bound is not None and bound.evaluate(self.values()) == length:
            return self._named(bound)
        matching = self._matching(length)
        if matching is None:
            raise DeclinedError("says nowhere how long its batch is")
        return matching

    def values(self) -> dict[str, int]:
        """Every atom that a length may hold, with its captured value."""
        named = {f"parameter.{name}": value for name, value in self.parameters.items()}
        return named | {f"programs.{axis}": length for axis, length in enumerate(self.grid)}

    def _named(self, length: Polynomial) -> Polynomial:
        """Prefer the one unused parameter of the same value to the grid."""
        if not length.mentions("programs"):
            return length
        return self._matching(int(length.evaluate(self.values()))) or length

    def _matching(self, value: int) -> Polynomial | None:
        if value <= 1:
            return None
        equal = [name for name, own in self.parameters.items() if own == value]
        names = [name for name in equal if name not in self.parts]
        # several descriptors bring the same length, and an axis that none of them ends may have any of those
        free = [name for name in equal if name not in self.used] if not names else []
        if len(names) == 1 and names[0] not in self.used:
            free = names
        if not free:
            return None
        self.used.add(free[0])
        return p.atom("parameter", free[0])


def upper_bound(index: Polynomial) -> Polynomial | None:
    """Return one more than the most an index can be, from its form; ``None`` where the form does not say."""
    atom = index.single
    if atom is None:
        return None
    match atom.kind, atom.arguments:
        case "program", ():
            return p.atom("programs", atom.name)
        case "rem", (_, size) if _constant(size):
            return size
        case "div", (dividend, size) if _constant(size):
            above = upper_bound(dividend)
            return p.quotient(above, size) if above is not None else None
    return None


def text(length: Polynomial) -> str:
    """Return a length as an IndexExpression over parameters and ``grid_0`` … ``grid_2``."""
    return length.rewrite(lambda atom: p.atom("parameter", f"grid_{atom.name}") if atom.kind == "programs" else None
                          ).expression()  # fmt: skip


def _constant(size: Polynomial) -> bool:
    return all(atom.kind == "parameter" for atom in size.atoms() if not atom.arguments)
