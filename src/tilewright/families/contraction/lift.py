"""Lifts a contraction from a captured launch's Triton IR.

Works on what the kernel does to memory, never on names: addresses are split into strides along the tile of
``tt.dot`` (or of a sum of outer products) and the terms that move the tile; masks give the lengths; every program's
tile is computed for the captured launch, and each tile and all of k must be covered. Lifting may be optimistic: the
prover checks what is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tilewright.families.contraction.descriptors import described, part_values, unfollowed
from tilewright.families.contraction.lift_access import ZERO, side_of
from tilewright.families.contraction.lift_axes import (
    Access,
    Axes,
    product_axes,
    read_load,
    solve,
    written,
)
from tilewright.families.contraction.lift_described import alike
from tilewright.families.contraction.lift_epilogue import Tile, expression, is_linear, placed
from tilewright.families.contraction.lift_extents import Lengths, text
from tilewright.families.contraction.lift_order import Order, examine
from tilewright.families.contraction.lift_parts import in_one_piece
from tilewright.families.contraction.reductions import reduced_axes
from tilewright.families.ttir.arithmetic import BY_PLACE
from tilewright.families.ttir.evaluate import evaluate
from tilewright.families.ttir.parser import Function, TtirSyntaxError, parse
from tilewright.families.ttir.polynomial import Polynomial
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import (
    Blank,
    Carried,
    Condition,
    Load,
    Node,
    Operator,
    Product,
    Store,
    children,
    contains,
)
from tilewright.records.algorithm import Contraction, Expression, Operand, Output
from tilewright.records.launch import ConstexprArgument, Launch, ScalarArgument
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted, Refusal


def lift(launch: Launch) -> Lifted | Refusal:
    """Lift a launch into a Contraction and the Schedule it runs with, or say why it is none."""
    if not launch.generic_ttir:
        return _refusal(launch, f"does not compile: {launch.error}" if launch.error else "has no Triton IR")
    try:
        function = parse(launch.generic_ttir)
    except TtirSyntaxError as error:
        return _refusal(launch, f"has Triton IR that is not read: {error}")
    reason = _no_product(function)
    if reason and not any(operation.name in ("scf.for", "scf.while", "tt.dot") for operation in function.walk()):
        return _refusal(launch, reason)
    try:
        names = [x.parameter for x in launch.arguments if not isinstance(x, ConstexprArgument)]
        given = described(launch)
        # descriptors of GPUs without a copy engine are pointers in the IR
        has_descriptors = "tt.make_tensor_descriptor" in launch.generic_ttir or "tt.descriptor" in launch.generic_ttir
        if told := unfollowed(launch):
            raise DeclinedError(told)
        return _lifted(launch, evaluate(function, names, given), descriptors=has_descriptors)
    except DeclinedError as declined:
        return _refusal(launch, reason or str(declined))
    except KeyError as unknown:
        return _refusal(launch, reason or f"places its tiles by {unknown.args[0]}, which a launch does not fix")
    except ValueError as error:
        return _refusal(launch, reason or f"needs an index that cannot be written down: {error}")


def _no_product(function: Function) -> str:
    """What a kernel does without one ``tt.dot``, in case that it is no product; empty where it has one."""
    products = sum(operation.name.startswith("tt.dot") for operation in function.walk())
    reductions = any(operation.name == "tt.reduce" for operation in function.walk())
    if products == 0:
        tail = ", and reduces tiles instead" if reductions else ""
        return f"multiplies no matrices (no tl.dot){tail}"
    tail = " and reduces tiles in between, as attention does" if reductions else ""
    return f"multiplies matrices in {products} places (tl.dot){tail}" if products > 1 else ""


def _refusal(launch: Launch, reason: str) -> Refusal:
    return Refusal(what=f"lift {launch.kernel} as a contraction", reason=f"the kernel {reason}")


def _lifted(launch: Launch, stores: Sequence[Store], *, descriptors: bool) -> Lifted:
    product = _only_product(stores)
    stores = in_one_piece(stores)
    first = stores[0]
    if any((store.guards, store.loops, store.atomic) != (first.guards, first.loops, first.atomic) for store in stores):
        raise DeclinedError("stores its outputs in different places")
    in_a, in_b, in_out = product_axes(product)
    load_a, casts_a = _operand(product.a)
    load_b, casts_b = _operand(product.b)
    a, b = read_load(load_a, in_a), read_load(load_b, in_b)
    outputs = [written(store, in_out) for store in stores]
    parameters = {x.parameter: int(x.value) for x in launch.arguments
                  if isinstance(x, ScalarArgument) and x.dtype[:1] in "iu" and x.dtype != "i1"}  # fmt: skip
    parts = part_values(launch)
    parameters |= parts
    a, b, outputs = alike(a, b, outputs, product, parts, parameters)
    axes = solve(a, b, outputs, product, atomic=first.atomic)
    found = Lengths(parameters, launch.grid, parts)
    for access in (a, b, *outputs):
        found.claim(access.address.strides.values())
    found.claim(axis.extent for axis in (axes.m, axes.n, axes.k) if axis.extent is not None)
    extents = {
        "m": found.of_tiles(axes.m, product.shape[0], "m", _row_strides("m", (*outputs, a))),
        "n": found.of_tiles(axes.n, product.shape[1], "n", _row_strides("n", (*outputs, b))),
        "k": _length_k(axes),
    }

    def lengths(values: Mapping[str, int]) -> tuple[int, int, int]:
        own = found.values() | {f"parameter.{name}": value for name, value in values.items()}
        m, n, k = (int(extents[axis].evaluate(own)) for axis in "mnk")
        return m, n, k

    stored = axes.orders(outputs[0].sides, outputs[0].axes)
    if any(axes.orders(output.sides, output.axes) != stored for output in outputs):
        raise DeclinedError("stores its outputs in different places")
    order = examine(axes, product, first, lengths, parameters, launch.grid, stored)
    for place, (batch, length) in enumerate(zip(axes.batches, order.batch_lengths, strict=True)):
        extents[f"b{place}"] = found.of_batch(batch, length)
    algorithm = _algorithm(launch, axes, product, stores, outputs, extents, (a, casts_a), (b, casts_b), order)
    schedule = _schedule(launch, axes, product, first, order)
    if descriptors:
        a_layout, b_layout = _layout(algorithm.a, "m"), _layout(algorithm.b, "n")
        schedule = replace(schedule, a_layout=a_layout, b_layout=b_layout, descriptors=True)
    return Lifted(algorithm=algorithm, schedule=schedule, launch=launch)


def _layout(operand: Operand, own: str) -> str:
    """The layout that a descriptor promises: its last axis is contiguous."""
    contiguous = [axis for axis in ("k", own) if operand.strides.get(axis) == "1"]
    return f"{contiguous[0]}_major" if contiguous else "as_is"


def _only_product(stores: Sequence[Store]) -> Product:
    """Return the one finished sum that every store holds."""
    if not stores:
        raise DeclinedError("stores nothing")
    found: dict[str, Product] = {}
    for store in stores:
        inside = _products(store.value)
        if not inside:
            blank = _first_blank(store.value)
            raise DeclinedError(blank.reason if blank else f"stores {store.pointer.parameter} without the product")
        found |= inside
    if len(found) != 1:
        raise DeclinedError("stores several products")
    (product,) = found.values()
    if any(contains(store.value, lambda node: isinstance(node, Carried)) for store in stores):
        raise DeclinedError("stores a sum before its loop is over")
    if any(_products(side) for side in (product.a, product.b)):
        raise DeclinedError("multiplies the result of a product")
    return product


def _products(node: Node) -> dict[str, Product]:
    found: dict[str, Product] = {}
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            if isinstance(current, Product):
                found[f"{current.identity} {current.lanes}"] = current
                stack.append(current.base)
            else:
                stack.extend(children(current))
    return found


def _first_blank(node: Node) -> Blank | None:
    if isinstance(node, Blank):
        return node
    return next((found for child in children(node) if (found := _first_blank(child)) is not None), None)


def _operand(node: Node) -> tuple[Load, tuple[str, ...]]:
    """Return the load behind a tile of the product, and the casts in between."""
    casts: list[str] = []
    while isinstance(node, Operator) and node.operation == "cast":
        casts.insert(0, node.dtype)
        (node,) = node.arguments
    if isinstance(node, Load):
        if not node.zero_filled:
            raise DeclinedError("fills masked-off elements of an operand with something other than 0")
        return node, tuple(casts)
    raise DeclinedError(node.reason if isinstance(node, Blank) else "computes on an operand before the product")


def _row_strides(axis: str, accesses: Sequence[Access]) -> tuple[Polynomial, ...]:
    """Strides of the other axis where this one is contiguous: what its length would be in a dense tensor."""
    dense = [access for access in accesses if access.stride(axis).constant == 1]
    return tuple(access.stride(other) for access in dense for other in access.axes if other != axis)


def _length_k(axes: Axes) -> Polynomial:
    extent = axes.k.extent
    if extent is None or any(atom.kind != "parameter" for atom in extent.atoms() if not atom.arguments):
        raise DeclinedError("says nowhere how long k is")
    return extent


def _algorithm(
    launch: Launch, axes: Axes, product: Product, stores: Sequence[Store], outputs: Sequence[Access],
    extents: Mapping[str, Polynomial], a: tuple[Access, tuple[str, ...]], b: tuple[Access, tuple[str, ...]],
    order: Order,
) -> Contraction:  # fmt: skip
    def operand_of(load: Load, lanes: Mapping[str, int]) -> Operand:
        operand = _described(read_load(load, lanes), axes, ())
        if operand.orders:
            raise DeclinedError(BY_PLACE)
        return operand

    tile = Tile(lanes=product_axes(product)[2], operand_of=operand_of, ends=axes.ends)
    written_outputs = []
    for store, access in zip(stores, outputs, strict=True):
        stored, chosen = placed(store.value)
        conditions = [condition for condition in chosen if not axes.ends(condition, access.axes)]
        value = expression(stored, tile, access.axes)
        _check_reductions(value, order)
        if store.atomic and order.split_k > 1 and not is_linear(value):
            raise DeclinedError("adds up partial sums after more than a scaling")
        written_outputs.append(_output(access, axes, value, conditions, atomic=store.atomic))
    return Contraction(
        kernel=launch.kernel,
        extents={axis: text(length) for axis, length in extents.items()},
        batch_axes=tuple(axis for axis in extents if axis not in ("m", "n", "k")),
        a=_described(a[0], axes, a[1]),
        b=_described(b[0], axes, b[1]),
        accumulator_dtype=product.dtype,
        input_precision=product.precision,
        outputs=tuple(written_outputs),
    )


def _check_reductions(value: Expression, order: Order) -> None:
    """One program has to hold all that is reduced."""
    tiles = {"m": order.tiles_m, "n": order.tiles_n}
    for axis in reduced_axes(value):
        if tiles[axis] > 1:
            raise DeclinedError(f"reduces along {axis}, of which each of its tiles holds a part")


def _described(access: Access, axes: Axes, casts: tuple[str, ...]) -> Operand:
    """Return the record of a tensor; all that moves its address must be an axis."""
    strides = {axis: access.stride(axis) for axis in access.axes}
    left = dict(axes.left_over(access))
    for place, batch in enumerate(axes.batches):
        moved = {left.pop(key, ZERO) for key in batch.index}
        if len(moved) != 1:
            raise DeclinedError(f"moves {access.parameter} by a part of a batch index")
        strides[f"b{place}"] = moved.pop()
    if left:
        raise DeclinedError(f"moves {access.parameter} along a program axis that the product does not have")
    return Operand(
        parameter=access.parameter,
        dtype=access.dtype,
        strides={axis: stride.expression() for axis, stride in strides.items() if stride.terms},
        offset=access.address.rest.expression(),
        casts=casts,
        orders=axes.orders(access.sides, access.axes),
    )


def _output(access: Access, axes: Axes, value: Expression, conditions: Sequence[Condition], *, atomic: bool) -> Output:
    """The record of a stored tensor; conditions on a value choose between it and 0, those on the store leave out."""
    operand = _described(access, axes, ())
    sides = [side_of(condition) for condition in conditions]
    chosen = axes.orders([side for side in sides if side is not None], access.axes)
    if None in sides or (chosen and operand.orders):
        raise DeclinedError(BY_PLACE)
    return Output(
        operand=replace(operand, orders=()),
        value=value,
        atomic=atomic,
        orders=chosen or operand.orders,
        zero_outside=bool(chosen),
    )


def _schedule(launch: Launch, axes: Axes, product: Product, store: Store, order: Order) -> Schedule:
    masks = "wrapped" if axes.wrapped else "general" if axes.masked_k else "even_k"
    advanced = product.loop is not None and product.loop.advances_pointers
    return Schedule(
        program_order=order.program_order,
        group_m=order.group_m,
        split_k=order.split_k,
        persistent=bool(store.loops),
        block_m=product.shape[0],
        block_n=product.shape[1],
        block_k=product.shape[2],
        pointers="advanced" if advanced else "recomputed",
        masks=masks,
        num_warps=launch.num_warps,
        num_stages=launch.num_stages,
        input_precision=product.precision,
    )
