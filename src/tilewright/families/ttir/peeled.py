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

    The product after the loop may be masked where those in the loop, whose blocks are whole, are not.
    """
    total = product.base
    if not isinstance(total, Product) or total.loop is None or product.loop is not None:
        return product
    key, steps = total.loop.counter, trips(total.loop)
    sides = []
    for inside, after in ((total.a, product.a), (total.b, product.b)):
        joined = _joined(inside, after, key, steps)
        if joined is None or (total.precision, total.shape) != (product.precision, product.shape):
            return product
        sides.append(joined)
    return replace(total, a=sides[0], b=sides[1], loop=replace(total.loop, last=total.loop.last + total.loop.step))


def with_first(product: Product) -> Product:
    """Return a sum over a loop that begins with the product of the step before the first as one over both."""
    first, loop = product.base, product.loop
    if not isinstance(first, Product) or first.loop is not None or loop is None:
        return product
    before, earlier = (_setting(loop.counter, step) for step in (p.number(-1), _counter(loop.counter) - p.number(1)))
    for inside, outside in ((product.a, first.a), (product.b, first.b)):
        if _plain_node(rewrite_loads(inside, before)) != _plain_node(outside):
            return product
    a, b = (rewrite_loads(side, earlier) for side in (product.a, product.b))
    return replace(product, a=a, b=b, base=first.base, loop=replace(loop, first=loop.first - loop.step))


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
