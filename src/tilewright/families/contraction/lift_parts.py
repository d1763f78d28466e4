"""Tiles that a kernel stores in parts, cut along an axis by ``tl.split``, seen as the whole tiles that they make up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tilewright.families.ttir.polynomial import Atom, Polynomial, number
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import Load, Node, Operator, Part, Place, Product, Reduced, Store, children, lane


def in_one_piece(stores: Sequence[Store]) -> list[Store]:
    """Return each output's store once, for all of its tile.

    Parts are counted from the beginning of the tile: then all of them write one value to one address, or the kernel
    does more than to finish one part after the other.

    Raises:
        DeclinedError: Parts are finished in different ways, or some are not stored.
    """
    whole: list[Store] = []
    starts: list[list[int]] = []
    lengths: list[tuple[int, int]] = []
    for store in stores:
        part = _part(store.value)
        if part is None:
            whole.append(store)
            starts.append([])
            lengths.append((0, 1))
            continue
        moved, block = _from_the_start(store, part), _length(part)
        if moved not in whole:
            whole.append(moved)
            starts.append([])
            lengths.append((block, part.width))
        starts[whole.index(moved)].append(part.start)
    for found, (block, width) in zip(starts, lengths, strict=True):
        if sorted(found) != list(range(0, block, width)):
            raise DeclinedError("finishes the parts of its tile in different ways")
    return whole


def _part(node: Node) -> Part | None:
    """The part of a tile that a value is computed from."""
    if isinstance(node, Part):
        return node
    found = (_part(child) for child in children(node))
    return next((part for part in found if part is not None), None)


def _length(part: Part) -> int:
    """Length of the product's tile along the axis that is cut."""
    stack: list[Node] = [part.whole]
    while stack:
        node = stack.pop()
        if isinstance(node, Product) and part.axis in node.lanes:
            return node.shape[node.lanes.index(part.axis)]
        stack.extend(children(node))
    raise DeclinedError("cuts a tile that is no product into parts")


def _from_the_start(store: Store, part: Part) -> Store:
    """The store with places counted from the beginning of the whole tile."""
    place = lane(part.axis)

    def change(found: Atom) -> Polynomial | None:
        return place - number(part.start) if found == place.single else None

    shape = tuple(_length(part) if axis == part.axis else size for axis, size in enumerate(store.pointer.shape))
    pointer = replace(store.pointer, shape=shape, offset=store.pointer.offset.rewrite(change))
    conditions = tuple(condition.rewrite(change) for condition in store.conditions)
    return replace(store, pointer=pointer, conditions=conditions, value=_whole(store.value, part, change))


def _whole(node: Node, part: Part, change: Callable[[Atom], Polynomial | None]) -> Node:
    match node:
        case Part():
            if replace(node, whole=part.whole) != part or not node.in_place:
                raise DeclinedError("computes with several parts of a tile together")
            return node.whole
        case Load():
            conditions = tuple(condition.rewrite(change) for condition in node.conditions)
            return replace(node, offset=node.offset.rewrite(change), conditions=conditions)
        case Place():
            return Place(tuple(condition.rewrite(change) for condition in node.conditions))
        case Operator():
            return replace(node, arguments=tuple(_whole(argument, part, change) for argument in node.arguments))
        case Product() | Reduced():
            raise DeclinedError("computes with a tile and with a part of one together")
    return node
