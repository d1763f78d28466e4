"""Loops of which a step stands outside: what a step makes for the next one, first and last steps written apart.

A value that each step makes for the next, as prefetching does, has a closed form where what it was before the loop
is what a step before the first would have made. A product added before or after a loop over products is a step more of
that loop where it reads what such a step would read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.polynomial import Atom, Polynomial
from tilewright.families.ttir.values import (
    Condition,
    Data,
    Integer,
    Load,
    Loop,
    Mask,
    Node,
    Operator,
    Pointer,
    Product,
    Value,
    View,
    contains,
    rewrite_loads,
)


def trips(loop: Loop) -> Polynomial:
    """Return how many steps a loop has."""
    distance = loop.last - loop.first
    whole = distance.divided(loop.step)
    return whole if whole is not None else p.quotient(distance + loop.step - p.number(1), loop.step)


def is_running(condition: Condition, loops: Sequence[Loop]) -> bool:
    """Say whether the condition is what keeps one of the loops around it going."""
    if condition.low is None or condition.high is None:
        return False
    left = condition.high - condition.low
    return any(left == loop.last - loop.first - loop.step * _counter(loop.counter) for loop in loops)


def may_be_made_ahead(initial: Value, start: Value) -> bool:
    """Say whether a carried value is worth asking about: a mask, data that was read, an index of no constant step."""
    match start:
        case Mask():
            return True
        case Data():
            return isinstance(initial, Data) and contains(initial.node, lambda node: isinstance(node, Load))
        case Integer():
            return start.value.mentions("carried")
        case Pointer():
            return start.offset.mentions("carried")
        case View():
            return any(offset.mentions("carried") for offset in start.offsets)


def ahead(initial: Value, yielded: Value, loop: str) -> Value | None:
    """Return a carried value at the start of a step, where each step makes that of the next from its counter alone."""
    if _plain(at(yielded, loop, p.number(-1))) != _plain(initial):
        return None
    return at(yielded, loop, _counter(loop) - p.number(1))


def at(value: Value, loop: str, step: Polynomial) -> Value:
    """Return a value for that step of the loop."""
    change = _setting(loop, step)
    match value:
        case Integer():
            return replace(value, value=value.value.rewrite(change))
        case Mask():
            sides = (tuple(c.rewrite(change) for c in side) for side in (value.conditions, value.opposite))
            return Mask(value.shape, *sides)
        case Pointer():
            return replace(value, offset=value.offset.rewrite(change))
        case View():
            return replace(value, offsets=tuple(offset.rewrite(change) for offset in value.offsets))
        case Data():
            return replace(value, node=rewrite_loads(value.node, change))


def with_last(product: Product) -> Product:
    """Return a sum over a loop and one product more as the sum over one step more, if that is what they are.

    The product after the loop may be masked where those in the loop, whose blocks are whole, are not. Two products
    without a loop become one of two steps.
    """
    total = product.base
    if not isinstance(total, Product) or product.loop is not None or not _alike(total, product):
        return product
    if total.loop is None:
        return _two_steps(total, product)
    key, steps = total.loop.counter, trips(total.loop)
    a, b = (_joined(*pair, key, steps) for pair in ((total.a, product.a), (total.b, product.b)))
    if a is None or b is None:
        return product
    return replace(total, a=a, b=b, loop=replace(total.loop, last=total.loop.last + total.loop.step))


def with_first(product: Product) -> Product:
    """Return a sum over a loop that begins with what the steps before would have added as one sum over them all.

    What stands before is one product, or a loop of them; those may be less masked.
    """
    first, loop = product.base, product.loop
    if not isinstance(first, Product) or loop is None or not _alike(first, product):
        return product
    if first.loop is None:
        before, earlier = (
            _setting(loop.counter, step) for step in (p.number(-1), _counter(loop.counter) - p.number(1))
        )
        for inside, outside in ((product.a, first.a), (product.b, first.b)):
            if _plain_node(rewrite_loads(inside, before)) != _plain_node(outside):
                return product
        a, b = (rewrite_loads(side, earlier) for side in (product.a, product.b))
        return replace(product, a=a, b=b, base=first.base, loop=replace(loop, first=loop.first - loop.step))
    steps = trips(first.loop)
    later = _setting(loop.counter, _counter(first.loop.counter) - steps)
    a, b = (rewrite_loads(side, later) for side in (product.a, product.b))
    if masked(a, first.a) is None or masked(b, first.b) is None:
        return product
    both = replace(first.loop, last=first.loop.first + first.loop.step * (steps + trips(loop)))
    return replace(first, a=a, b=b, loop=both)


def flattened(product: Product, outer: Loop) -> Product | None:
    """Return a sum over a loop in a loop as one over a single loop, if the outer goes on where the inner ends."""
    inner = product.loop
    if inner is None:
        return None
    steps, counter = trips(inner), _counter(inner.counter)
    start, onward = (
        _setting(outer.counter, p.number(0)),
        _setting(inner.counter, steps * _counter(outer.counter) + counter),
    )
    a, b = (rewrite_loads(side, start) for side in (product.a, product.b))
    for single, nested in ((a, product.a), (b, product.b)):
        if _plain_node(rewrite_loads(single, onward)) != _plain_node(nested):
            return None
    advances = inner.advances_pointers or outer.advances_pointers
    return replace(
        product, a=a, b=b, loop=Loop(inner.counter, outer.first * steps, outer.last * steps, outer.step, advances)
    )


def masked(one: Node, other: Node) -> Node | None:
    """Return the one of two reads of the same elements that has the other's masks and more; ``None`` if neither has."""
    if isinstance(one, Load) and isinstance(other, Load):
        more, fewer = sorted((one, other), key=lambda load: -len(load.conditions))
        same = _plain_node(replace(more, conditions=(), zero_filled=True)) == _plain_node(
            replace(fewer, conditions=(), zero_filled=True)
        )
        kept = set(map(_expanded_condition, fewer.conditions)) <= set(map(_expanded_condition, more.conditions))
        return more if same and kept else None
    return one if one == other else None


def _alike(one: Product, other: Product) -> bool:
    return (one.precision, one.shape, one.dtype, one.lanes) == (other.precision, other.shape, other.dtype, other.lanes)


def _two_steps(first: Product, second: Product) -> Product:
    """Return two products as a loop of two steps, if they read the same tensors at a constant distance."""
    loop = Loop(f"counter.steps{first.identity}", p.number(0), p.number(2), p.number(1))
    a, b = (_between(*pair, _counter(loop.counter)) for pair in ((first.a, second.a), (first.b, second.b)))
    return second if a is None or b is None else replace(first, a=a, b=b, loop=loop)


def _between(first: Node, second: Node, step: Polynomial) -> Node | None:
    """Return what stands on the line through both: the first at step 0, the second at step 1."""
    if isinstance(first, Operator) and isinstance(second, Operator) and len(first.arguments) == len(second.arguments):
        arguments = [_between(*pair, step) for pair in zip(first.arguments, second.arguments, strict=True)]
        if replace(first, arguments=()) == replace(second, arguments=()) and None not in arguments:
            return replace(first, arguments=tuple(argument for argument in arguments if argument is not None))
        return None
    if not isinstance(first, Load) or not isinstance(second, Load) or len(first.conditions) != len(second.conditions):
        return first if first == second else None
    offset = first.offset + (second.offset - first.offset) * step
    conditions = []
    for one, other in zip(first.conditions, second.conditions, strict=True):
        if one.low is None or one.high is None or other.low is None or other.high is None:
            return None
        low, high = one.low + (other.low - one.low) * step, one.high + (other.high - one.high) * step
        conditions.append(Condition(low, high))
    between = replace(first, offset=offset, conditions=tuple(conditions))
    return between if replace(second, offset=first.offset, conditions=first.conditions) == first else None


def is_idle_without(condition: Condition, longer: Node, shorter: Node) -> bool:
    """Say whether the last step that ``longer`` has and ``shorter`` lacks adds nothing unless the condition holds."""
    if not isinstance(longer, Product) or not isinstance(shorter, Product):
        return False
    if longer.loop is None or shorter.loop is None or condition.low is None or condition.high is None:
        return False
    if longer.identity != shorter.identity or longer.loop.last != shorter.loop.last + longer.loop.step:
        return False
    last = _setting(longer.loop.counter, trips(shorter.loop))
    begins = [trips(longer.loop)]
    for load in (longer.a, longer.b):
        for bound in load.conditions if isinstance(load, Load) else ():
            if bound.low is not None and bound.high is not None:
                begins.append((bound.high - bound.low).rewrite(last).rewrite(_first_element))
    return _expanded(condition.high - condition.low) in map(_expanded, begins)


def _joined(inside: Node, after: Node, loop: str, steps: Polynomial) -> Node | None:
    """Return what a loop reads, with the masks of what is read after it; ``None`` if that is something else."""
    if _plain_node(rewrite_loads(inside, _setting(loop, steps))) == _plain_node(after):
        return inside
    if isinstance(inside, Operator) and isinstance(after, Operator) and len(inside.arguments) == len(after.arguments):
        arguments = [_joined(*pair, loop, steps) for pair in zip(inside.arguments, after.arguments, strict=True)]
        if replace(inside, arguments=()) == replace(after, arguments=()) and None not in arguments:
            return replace(inside, arguments=tuple(argument for argument in arguments if argument is not None))
        return None
    constant = steps.terms.get((), 0)
    single = (steps - p.number(constant)).single
    if not isinstance(inside, Load) or not isinstance(after, Load) or single is None:
        return None

    def earlier(part: Atom) -> Polynomial | None:
        return _counter(loop) - p.number(constant) if part.key == single.key else None

    conditions = tuple(_expanded_condition(condition).rewrite(earlier) for condition in after.conditions)
    masked = replace(inside, conditions=conditions, zero_filled=after.zero_filled)
    kept = {_expanded_condition(condition) for condition in inside.conditions} <= set(conditions)
    return masked if kept and _plain_node(rewrite_loads(masked, _setting(loop, steps))) == _plain_node(after) else None


def _counter(loop: str) -> Polynomial:
    return p.atom("counter", loop.removeprefix("counter."))


def _setting(loop: str, step: Polynomial) -> Callable[[Atom], Polynomial | None]:
    return lambda part: step if part.key == loop else None


def _first_element(part: Atom) -> Polynomial | None:
    return p.number(0) if part.kind == "lane" else None


def _plain(value: Value) -> Value:
    """A value in a form that does not depend on how its conditions are written."""
    match value:
        case Mask():
            return Mask(value.shape, _plain_conditions(value.conditions), ())
        case Data():
            return replace(value, node=_plain_node(value.node))
    return value


def _plain_node(node: Node) -> Node:
    match node:
        case Load():
            conditions = _plain_conditions(node.conditions)
            return replace(node, offset=_expanded(node.offset), conditions=conditions)
        case Operator():
            return replace(node, arguments=tuple(map(_plain_node, node.arguments)))
    return node


def _plain_conditions(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    found = dict.fromkeys(map(_expanded_condition, conditions))
    return tuple(sorted(found, key=lambda condition: condition.low.key if condition.low is not None else ""))


def _expanded_condition(condition: Condition) -> Condition:
    if condition.low is None or condition.high is None:
        return condition
    return Condition(_expanded(condition.low - condition.high), p.number(0))


def _expanded(value: Polynomial) -> Polynomial:
    """Write remainders as what a division leaves."""

    def change(part: Atom) -> Polynomial | None:
        if part.kind != "rem":
            return None
        left, right = map(_expanded, part.arguments)
        return left - right * p.quotient(left, right)

    return value.rewrite(change)
