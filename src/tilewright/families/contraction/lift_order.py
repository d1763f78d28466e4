"""Checks a tiling against the launch that was captured, by computing every program's tile; names its order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilewright.families.contraction.lift_axes import Axes, Axis, tile_start
from tilewright.families.ttir.polynomial import Polynomial
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import Loop, Product, Store
from tilewright.records.algorithm import Order as Diagonal

_MOST_PROGRAMS = 4_000_000


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tile of every program of a launch, in launch order (a persistent program's steps come one after all)."""

    m: np.ndarray[Any, Any]
    n: np.ndarray[Any, Any]
    batch: np.ndarray[Any, Any]
    """One row a batch axis."""
    values: Mapping[str, Any] = field(repr=False)
    """What each atom is worth in each program."""


@dataclass(frozen=True, slots=True)
class Order:
    """How the programs walk the tiles."""

    program_order: str
    group_m: int
    split_k: int
    batch_lengths: tuple[int, ...]
    tiles_m: int
    tiles_n: int


def examine(
    axes: Axes, product: Product, store: Store, lengths: Callable[[Mapping[str, int]], tuple[int, int, int]],
    parameters: Mapping[str, int], grid: tuple[int, int, int], stored: Sequence[Diagonal] = (),
) -> Order:  # fmt: skip
    """Check that the launch covers every tile and all of k once, and name the order.

    ``lengths`` gives M, N and K for values of the parameters; ``stored`` are the diagonals of which one side alone is
    stored: tiles that lie on the other may be left out.

    Raises:
        DeclinedError: Tiles are missed or stored more than once, or the programs do not cover k.
    """
    tiles = _tiles(axes, product, store, parameters, grid)
    length_m, length_n, length_k = lengths(parameters)
    block_m, block_n, block_k = product.shape
    tiles_m, tiles_n = math.ceil(length_m / block_m), math.ceil(length_n / block_n)
    inside = (tiles.m < tiles_m) & (tiles.n < tiles_n)
    batch_lengths = tuple(int(row.max()) + 1 if row.size else 0 for row in tiles.batch)
    needed = _needed((tiles_m, tiles_n, *batch_lengths), {"m": block_m, "n": block_n}, stored)
    split_k = _coverage(tiles, inside, needed, atomic=store.atomic)
    _check_sum(axes.k, product.loop, tiles, inside, length_k, block_k, split_k)
    name, group = _grid_order(axes, block_m, block_n)
    if not name:
        name, group = _flat_order(axes, product, store, lengths, parameters, grid, tiles, split_k)
    return Order(name, group, split_k, batch_lengths, tiles_m, tiles_n)


def _tiles(
    axes: Axes, product: Product, store: Store, parameters: Mapping[str, int], grid: tuple[int, int, int]
) -> Tiles:
    values, valid = _programs(store, parameters, grid)
    size = valid.size
    block_m, block_n, _ = product.shape
    rows, columns = (np.broadcast_to(tile_start(axis).evaluate(values), size) for axis in (axes.m, axes.n))
    if (rows[valid] % block_m).any() or (columns[valid] % block_n).any():
        raise DeclinedError("begins tiles elsewhere than at multiples of the block size")
    batch = [np.broadcast_to(batch.value.evaluate(values), size)[valid] for batch in axes.batches]
    kept = {key: value[valid] if isinstance(value, np.ndarray) else value for key, value in values.items()}
    stacked = np.stack(batch) if batch else np.zeros((0, int(valid.sum())), dtype=np.int64)
    return Tiles(rows[valid] // block_m, columns[valid] // block_n, stacked, kept)


def _programs(
    store: Store, parameters: Mapping[str, int], grid: tuple[int, int, int]
) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """Values of the atoms in every program (and step of a persistent loop), and which of them exist."""
    values: dict[str, Any] = {f"parameter.{name}": value for name, value in parameters.items()}
    values |= {f"programs.{axis}": length for axis, length in enumerate(grid)}
    count = math.prod(grid)
    if count > _MOST_PROGRAMS:
        raise DeclinedError(f"is launched with {count} programs, more than are checked")
    steps = 1
    linear = np.arange(count)
    programs = {"program.0": linear % grid[0], "program.1": linear // grid[0] % grid[1],
                "program.2": linear // (grid[0] * grid[1])}  # fmt: skip
    if len(store.loops) > 1:
        raise DeclinedError("stores inside nested loops")
    trips: np.ndarray[Any, Any] | None = None
    if store.loops:
        trips = np.broadcast_to(trip_count(store.loops[0], values | programs), count)
        steps = max(int(trips.max(initial=0)), 1)
        if steps * count > _MOST_PROGRAMS:
            raise DeclinedError("walks more tiles than are checked")
    values |= {key: np.tile(value, steps) for key, value in programs.items()}
    valid = np.ones(count * steps, dtype=bool)
    if store.loops and trips is not None:
        values[store.loops[0].counter] = np.repeat(np.arange(steps), count)
        valid &= values[store.loops[0].counter] < np.tile(trips, steps)
    for guard in store.guards:
        if guard.low is None or guard.high is None:
            raise DeclinedError("stores under a condition that is not followed")
        valid &= np.asarray(guard.low.evaluate(values) < guard.high.evaluate(values))
    return values, valid


def trip_count(loop: Loop, values: Mapping[str, Any]) -> Any:
    """Number of steps of a loop, for numbers or arrays."""
    first, last, step = (bound.evaluate(values) for bound in (loop.first, loop.last, loop.step))
    return np.maximum(-((first - last) // np.maximum(step, 1)), 0)


def _needed(shape: tuple[int, ...], blocks: Mapping[str, int], stored: Sequence[Diagonal]) -> np.ndarray[Any, Any]:
    """Which tiles hold an element that is stored."""
    places = dict(zip("mn", np.ogrid[tuple(slice(size) for size in shape)], strict=False))
    needed = np.ones(shape, dtype=bool)
    for side in stored:
        low = places[side.low] * blocks[side.low]
        high = (places[side.high] + 1) * blocks[side.high] - 1
        needed &= low + side.gap <= high
    return needed


def _coverage(tiles: Tiles, inside: np.ndarray[Any, Any], needed: np.ndarray[Any, Any], *, atomic: bool) -> int:
    """Return how many programs share each tile."""
    shape = needed.shape
    if 0 in shape or not inside.any():
        raise DeclinedError("stores no tile in the launch that was captured")
    places = (tiles.m[inside], tiles.n[inside], *(row[inside] for row in tiles.batch))
    if any((place < 0).any() for place in places):
        raise DeclinedError("begins a tile before its tensor does")
    counts = np.bincount(np.ravel_multi_index(places, shape), minlength=math.prod(shape))[needed.ravel()]
    if not counts.size:
        raise DeclinedError("stores no tile in the launch that was captured")
    if counts.min() != counts.max():
        raise DeclinedError("does not store every tile equally often")
    if counts[0] > 1 and not atomic:
        raise DeclinedError("stores the same tile from several programs")
    return int(counts[0])


def _check_sum(
    k: Axis, loop: Loop | None, tiles: Tiles, inside: np.ndarray[Any, Any], length: int, block: int, split: int
) -> None:
    """The programs of the first tile must cover k block by block; with no split, so must every program."""
    chosen = np.flatnonzero(inside)
    if split > 1:
        same = (tiles.m == tiles.m[chosen[0]]) & (tiles.n == tiles.n[chosen[0]])
        same &= (tiles.batch == tiles.batch[:, chosen[:1]]).all(axis=0)
        chosen = np.flatnonzero(same & inside)
    start = tile_start(k)
    values = {key: value[chosen] if isinstance(value, np.ndarray) else value for key, value in tiles.values.items()}
    trips = np.broadcast_to(trip_count(loop, values), chosen.size) if loop else np.ones(chosen.size, dtype=np.int64)
    if split == 1:
        begin = np.asarray(start.evaluate({**values, loop.counter: 0} if loop else values))
        if np.unique(trips).size != 1 or np.unique(begin).size != 1:
            raise DeclinedError("sums over a part of k that depends on the program, yet stores without adding")
        chosen, trips = chosen[:1], trips[:1]
        values = {key: value[:1] if isinstance(value, np.ndarray) else value for key, value in values.items()}
    begins: list[int] = []
    for step in range(int(trips.max(initial=0))):
        here = np.broadcast_to(start.evaluate({**values, loop.counter: step} if loop else values), chosen.size)
        begins += [int(place) for place in here[step < trips] if place < length]
    if sorted(begins) != list(range(0, length, block)):
        raise DeclinedError("does not sum over all of k, block by block")


def _grid_order(axes: Axes, block_m: int, block_n: int) -> tuple[str, int]:
    """Name the order where m and n have a launch axis each; empty otherwise."""
    found = []
    for axis, block in ((axes.m, block_m), (axes.n, block_n)):
        start = tile_start(axis)
        single = start.divided(Polynomial({(): block}))
        atom = single.single if single is not None else None
        found.append(int(atom.name) if atom is not None and atom.kind == "program" else None if start.terms else -1)
    rows, columns = found
    if rows is None or columns is None or rows == columns != -1:
        return "", 1
    return ("grid_2d_swapped" if -1 < columns < rows else "grid_2d"), 1


def _flat_order(
    axes: Axes, product: Product, store: Store, lengths: Callable[[Mapping[str, int]], tuple[int, int, int]],
    parameters: Mapping[str, int], grid: tuple[int, int, int], tiles: Tiles, split_k: int,
) -> tuple[str, int]:  # fmt: skip
    """Name the order of a flattened axis; larger sizes are tried first, where orders differ more."""
    used = {int(atom.name) for axis in (axes.m, axes.n) for atom in tile_start(axis).atoms() if atom.kind == "program"}
    shared = split_k * math.prod(int(row.max()) + 1 for row in tiles.batch)
    (axis,) = used if len(used) == 1 else (None,)
    others = math.prod(length for place, length in enumerate(grid) if place != axis)
    for counts in ((37, 5), (5, 37)) if axis is not None and shared % others == 0 else ():
        larger = _larger(axes, product, parameters, *counts)
        if larger is None:
            break
        length_m, length_n, _ = lengths(larger)
        count = math.ceil(length_m / product.shape[0]), math.ceil(length_n / product.shape[1])
        wide = [math.prod(count) * shared // others if place == axis else length for place, length in enumerate(grid)]
        try:
            name = _named(_tiles(axes, product, store, larger, (wide[0], wide[1], wide[2])), *count)
        except DeclinedError:
            continue
        if name[0] != "custom":
            return name
    length_m, length_n, _ = lengths(parameters)
    return _named(tiles, math.ceil(length_m / product.shape[0]), math.ceil(length_n / product.shape[1]))


def _larger(
    axes: Axes, product: Product, parameters: Mapping[str, int], tiles_m: int, tiles_n: int
) -> Mapping[str, int] | None:
    changed = dict(parameters)
    for axis, block, count in ((axes.m, product.shape[0], tiles_m), (axes.n, product.shape[1], tiles_n)):
        single = axis.extent.single if axis.extent is not None else None
        if single is None or single.kind != "parameter":
            return None
        changed[single.name] = block * count - 1
    return changed


def _named(tiles: Tiles, tiles_m: int, tiles_n: int) -> tuple[str, int]:
    """Compare the first walk over all tiles with each order that has a name.

    Where rows are ``first + pid % tall``, those of the last group are rotated if it is less tall: grouped still.
    """
    count = tiles_m * tiles_n
    same = (tiles.batch == tiles.batch[:, :1]).all(axis=0) if tiles.batch.size else np.ones(tiles.m.size, dtype=bool)
    rows, columns = tiles.m[same], tiles.n[same]
    _, first = np.unique(rows * (tiles_n + int(columns.max()) + 1) + columns, return_index=True)
    first.sort()
    rows, columns = rows[first], columns[first]
    index = np.arange(count)
    if rows.size != count:
        return "custom", 1
    if np.array_equal(rows, index // tiles_n) and np.array_equal(columns, index % tiles_n):
        return "row_major", 1
    if np.array_equal(rows, index % tiles_m) and np.array_equal(columns, index // tiles_m):
        return "column_major", 1
    for group in range(2, tiles_m + 1):
        width = group * tiles_n
        tall = np.minimum(tiles_m - index // width * group, group)
        start = index // width * width
        turn = (rows - index % width) % tall
        turned = (turn == np.where(tall == group, 0, turn[start])) & (rows // group == index // width)
        if turned.all() and np.array_equal(columns, index % width // tall):
            return "grouped", group
    return "custom", 1
