"""What is known in the middle of an evaluation."""

from __future__ import annotations

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.parser import Operation
from tilewright.families.ttir.values import (
    UNKNOWN,
    Blank,
    Condition,
    Data,
    Integer,
    Literal,
    Loop,
    Mask,
    Node,
    Scalar,
    Store,
    Value,
)


class DeclinedError(Exception):
    """The kernel does something that is not followed; the message completes "the kernel …"."""


class State:
    """The values by name, what was stored so far, and the loops and conditions around the current operation."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.stores: list[Store] = []
        self.loops: list[Loop] = []
        self.guards: list[Condition] = []
        self._names = 0

    def fresh(self) -> str:
        """Return a name not used before."""
        self._names += 1
        return str(self._names)

    def get(self, name: str) -> Value:
        """Return the value of that name."""
        value = self.values.get(name)
        if value is None:
            value = self.values.get(name.removesuffix("#0"))
        if value is None:
            raise DeclinedError(f"uses {name}, which is not defined before")
        return value

    def integer(self, name: str) -> p.Polynomial:
        """Return a whole number; one that was loaded becomes an atom of its own."""
        value = self.get(name)
        if isinstance(value, Integer):
            return value.value
        return p.atom("loaded", self.fresh())

    def mask(self, name: str) -> Mask:
        """Return a mask; one made from data is unknown."""
        value = self.get(name)
        return value if isinstance(value, Mask) else Mask(value.shape, (UNKNOWN,))

    def node(self, name: str) -> Node:
        """Return a value as data."""
        return as_node(self.get(name))

    def set(self, operation: Operation, value: Value) -> None:
        """Bind the operation's only result."""
        if operation.results:
            self.values[operation.results[0]] = value


def as_node(value: Value) -> Node:
    """Return a value as data."""
    match value:
        case Data():
            return value.node
        case Integer() if value.value.constant is not None:
            return Literal(value.value.constant, "i32")
        case Integer():
            single = value.value.single
            if single is not None and single.kind == "parameter":
                return Scalar(single.name, "i32")
            return Blank("computes with the element's place")
        case Mask():
            return Blank("computes with a mask")
    return Blank("computes with a pointer")
