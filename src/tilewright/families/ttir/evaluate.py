"""Evaluates a kernel's Triton IR with symbols for everything that a launch would fill in.

The result is the list of what the kernel stores. Integers keep their exact form (see ``polynomial``); pointers and
integers that a loop advances by a constant step are given in closed form; data stays a graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tilewright.families.ttir import arithmetic, memory, parts, reductions
from tilewright.families.ttir import operations as names
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.arguments import arguments
from tilewright.families.ttir.loops import as_data, close, finish, open_argument, step_of
from tilewright.families.ttir.parser import Block, Function, Operation
from tilewright.families.ttir.peeled import ahead, at, may_be_made_ahead, trips
from tilewright.families.ttir.state import DeclinedError, State
from tilewright.families.ttir.values import (
    UNKNOWN,
    Condition,
    Integer,
    Loop,
    Mask,
    Pointer,
    Store,
    Value,
    View,
    settled,
)


def evaluate(
    function: Function, parameters: Sequence[str] = (), descriptors: Mapping[str, int] | None = None
) -> tuple[Store, ...]:
    """Return everything the kernel stores.

    ``parameters`` are the source's names of the run-time parameters, in order, where the IR may print others;
    ``descriptors`` are those that take a tensor descriptor made on the host, with its number of axes.

    Raises:
        DeclinedError: The control flow, or the way an address is made, is not followed.
    """
    evaluator = _Evaluator()
    evaluator.values |= arguments(function, parameters, descriptors or {})
    evaluator.run_function(function.blocks)
    return tuple(evaluator.stores)


@dataclass(frozen=True, slots=True)
class _Carrying:
    """A loop that is to be evaluated: its body, and what is bound in it."""

    loop: Loop
    counter: p.Polynomial
    names: tuple[str, ...]
    """Of the carried values in the body; empty for one that the body does not see."""
    body: tuple[Operation, ...]
    bound: Mapping[str, Value]
    """Values that are bound in the body besides the carried ones."""


class _Evaluator(State):
    """Follows the control flow; everything else is done by the handlers below."""

    def run_function(self, blocks: tuple[Block, ...]) -> None:
        """Follow the blocks; a branch whose one side only returns becomes a guard on the other."""
        by_label = {block.label: block for block in blocks}
        current: Block | None = blocks[0]
        while current is not None:
            *body, last = current.operations
            self.run(tuple(body))
            current = None
            if last.name == "cf.br":
                current = by_label.get(last.text.strip())
            elif last.name == "cf.cond_br":
                current = self._branch(last, by_label)
            elif last.name != "tt.return":
                raise DeclinedError(f"ends a block with {last.name}")

    def _branch(self, operation: Operation, blocks: dict[str, Block]) -> Block:
        condition = self.mask(operation.operands[0])
        labels = re.findall(r"\^\w+", operation.text)
        if len(labels) != 2 or len(operation.operands) != 1:
            raise DeclinedError("branches with values")
        taken, other = (blocks[label] for label in labels)
        if _only_returns(taken):
            self.guards.extend(condition.opposite)
            return other
        if _only_returns(other):
            self.guards.extend(condition.conditions)
            return taken
        raise DeclinedError("branches between two ways of computing")

    def run(self, operations: tuple[Operation, ...]) -> None:
        """Evaluate operations in order."""
        for operation in operations:
            handler = _HANDLERS.get(operation.name)
            if operation.name == "scf.for":
                self.for_loop(operation)
                continue
            if operation.name == "scf.while":
                self.while_loop(operation)
                continue
            if operation.name == "scf.if":
                self.if_else(operation)
                continue
            if handler is not None:
                handler(self, operation)
            else:
                arithmetic.pointwise_or_blank(self, operation)

    def for_loop(self, operation: Operation) -> None:
        """Evaluate ``scf.for``."""
        found = re.match(
            r"(?:unsigned )?(%\S+) = (%\S+) to (%\S+) step (%\S+)(?: iter_args\((.*?)\))?(?: ->.*)?$", operation.text
        )
        if found is None:
            raise DeclinedError("holds a loop of an unknown form")
        first, last, step = (self.integer(found.group(index)) for index in (2, 3, 4))
        pairs = re.findall(r"(%[\w$.\-]+) = (%[\w$.\-#]+)", found.group(5) or "")
        carried = {name: self.get(initial) for name, initial in pairs}
        body = operation.regions[0][0].operations
        name = f"loop{self.fresh()}"
        moving = first + step * p.atom("counter", name)
        loop = Loop(f"counter.{name}", first, last, step)
        run = _Carrying(loop, p.atom("counter", name), tuple(carried), body, {found.group(1): Integer((), moving)})
        self._bind(operation, self._carry(run, list(carried.values()), lambda _: loop))

    def while_loop(self, operation: Operation) -> None:
        """Evaluate ``scf.while`` whose condition is a comparison of numbers that come nearer by a constant step."""
        head, body = (blocks[0] for blocks in operation.regions)
        pairs = re.findall(r"(%[\w$.\-]+) = (%[\w$.\-#]+)", operation.text)
        names_before = tuple(name for name, _ in pairs)
        *before, last = head.operations
        truth, *passed = last.operands
        if last.name != "scf.condition" or any(name not in names_before for name in passed):
            raise DeclinedError("holds a while loop that computes more than its condition")
        places = [names_before.index(name) for name in passed]
        inside = tuple(dict(zip(places, body.arguments, strict=True)).get(i, "") for i in range(len(pairs)))
        name = f"loop{self.fresh()}"
        blank = Loop(f"counter.{name}", p.number(0), p.number(0), p.number(1))

        def counted(values: list[Value]) -> Loop:
            """The loop of steps 0, 1, … while what separates both sides of the condition lasts."""
            outer = dict(self.values)
            self.values |= dict(zip(names_before, values, strict=True))
            self.run(tuple(before))
            conditions = self.mask(truth).conditions
            self.values = outer
            return _countdown(blank, conditions)

        run = _Carrying(blank, p.atom("counter", name), inside, body.operations, {})
        results = self._carry(run, [self.get(initial) for _, initial in pairs], counted)
        self._bind(operation, [results[place] for place in places])

    def _carry(self, run: _Carrying, arguments: list[Value], counted: Callable[[list[Value]], Loop]) -> list[Value]:
        """Evaluate a loop's body twice: once to find what each step adds, once with the closed forms.

        ``counted`` gives the loop from the values at the beginning of each step. Returns the values after the loop.
        """
        key, outer = run.loop.counter, dict(self.values)
        for _ in range(2):
            opened = [open_argument(value, key, index) for index, value in enumerate(arguments)]
            self.values = dict(outer)
            yielded = self._loop_body(run, opened, run.loop, keep=False)
            arguments = [as_data(*each) for each in zip(arguments, yielded, strict=True)]
        steps = [step_of(*each, key) for each in zip(opened, yielded, strict=True)]
        self.values = dict(outer)
        closed = [
            close(value, change, run.counter, key, i)
            for i, (value, change) in enumerate(zip(arguments, steps, strict=True))
        ]
        made = self._made_ahead(run, arguments, closed)
        moves = any(
            isinstance(value, Pointer | View) and change.moves for value, change in zip(arguments, steps, strict=True)
        )
        loop = replace(counted(closed), advances_pointers=moves)
        yielded = self._loop_body(run, closed, loop, keep=True)
        self.values = outer
        return [
            at(made[i], key, trips(loop)) if i in made else finish(arguments[i], yielded[i], steps[i], loop, i)
            for i in range(len(arguments))
        ]

    def _made_ahead(self, run: _Carrying, arguments: list[Value], closed: list[Value]) -> dict[int, Value]:
        """Find the carried values that each step makes for the next; ``closed`` is brought up to date."""
        outer, found = dict(self.values), dict[int, Value]()
        left = {index for index, value in enumerate(arguments) if may_be_made_ahead(value, closed[index])}
        while left:
            yielded = self._loop_body(run, closed, run.loop, keep=False)
            self.values = dict(outer)
            same = {index: arguments[index] for index in left if yielded[index] == closed[index]}
            made = {index: ahead(arguments[index], yielded[index], run.loop.counter) for index in left - same.keys()}
            known = same | {index: value for index, value in made.items() if value is not None}
            for index in known or left:
                closed[index] = known.get(index, _forgotten(closed[index]))
            if not known:
                break
            found |= known
            left -= known.keys()
        return found

    def _bind(self, operation: Operation, values: list[Value]) -> None:
        for name, value in zip(operation.results, values, strict=True):
            self.values[name] = value
            self.values[name.partition("#")[0] if len(operation.results) == 1 else name] = value

    def _loop_body(self, run: _Carrying, arguments: list[Value], loop: Loop, *, keep: bool) -> list[Value]:
        self.values |= run.bound
        self.values |= {name: value for name, value in zip(run.names, arguments, strict=True) if name}
        stores = len(self.stores)
        self.loops.append(loop)
        self.run(tuple(operation for operation in run.body if operation.name != "scf.yield"))
        self.loops.pop()
        if not keep:
            del self.stores[stores:]
        last = run.body[-1] if run.body else None
        return [self.get(name) for name in last.operands] if last is not None and last.name == "scf.yield" else []

    def if_else(self, operation: Operation) -> None:
        """Evaluate both sides; what they store is guarded, what they yield must agree or be chosen by a number."""
        condition = self.mask(operation.operands[0])
        decided = settled(condition)
        if decided is not None:
            self._bind(operation, self._side(operation.regions[0 if decided else 1 :][:1]))
            return
        outer, guards = dict(self.values), list(self.guards)
        sides: list[list[Value]] = []
        for place, extra in enumerate((condition.conditions, condition.opposite)):
            self.values, self.guards = dict(outer), [*guards, *extra]
            sides.append(self._side(operation.regions[place : place + 1]))
        self.values, self.guards = outer, guards
        for index, name in enumerate(operation.results):
            self.values[name] = arithmetic.chosen(self, condition, sides[0][index], sides[1][index])

    def _side(self, regions: Sequence[tuple[Block, ...]]) -> list[Value]:
        """Run one side of a condition, if there is one, and return what it yields."""
        body = regions[0][0].operations if regions and regions[0] else ()
        self.run(tuple(inner for inner in body if inner.name != "scf.yield"))
        yields = [inner for inner in body if inner.name == "scf.yield"]
        return [self.get(name) for name in yields[0].operands] if yields else []


def _forgotten(value: Value) -> Value:
    """What is left of a carried value that no closed form was found for."""
    return Mask(value.shape, (UNKNOWN,)) if isinstance(value, Mask) else value


def _countdown(loop: Loop, conditions: tuple[Condition, ...]) -> Loop:
    """The loop that lasts while every ``low < high``, where each step brings both nearer by the same number."""
    found: Loop | None = None
    for condition in conditions:
        one = _counted(loop, condition)
        if found is not None and found.step != one.step:
            raise DeclinedError("holds a while loop of several conditions that end at different paces")
        found = one if found is None else replace(found, last=p.smaller(found.last, one.last))
    if found is None:
        raise DeclinedError("holds a while loop whose condition is no comparison of whole numbers")
    return found


def _counted(loop: Loop, condition: Condition) -> Loop:
    if condition.low is None or condition.high is None:
        raise DeclinedError("holds a while loop whose condition is no comparison of whole numbers")
    left = condition.high - condition.low
    first = left.rewrite(lambda atom: p.number(0) if atom.key == loop.counter else None)
    step = first - left.rewrite(lambda atom: p.number(1) if atom.key == loop.counter else None)
    counter = p.atom("counter", loop.counter.removeprefix("counter."))
    if left != first - step * counter or left.mentions("carried", "loaded", "unknown") or not step.terms:
        raise DeclinedError("holds a while loop that does not count by a constant step")
    return replace(loop, first=p.number(0), last=first, step=step)


def _only_returns(block: Block) -> bool:
    return all(operation.name == "tt.return" for operation in block.operations)


_Handler = Callable[[State, Operation], None]
_HANDLERS: dict[str, _Handler] = {
    "arith.constant": arithmetic.constant,
    "arith.cmpi": arithmetic.compare,
    "arith.cmpf": arithmetic.compare_data,
    "tt.clampf": arithmetic.clamp,
    "arith.andi": arithmetic.logic,
    "arith.ori": arithmetic.logic,
    "arith.xori": arithmetic.logic,
    "arith.select": arithmetic.select,
    "tt.get_program_id": arithmetic.program_id,
    "tt.get_num_programs": arithmetic.program_id,
    "tt.make_range": arithmetic.make_range,
    "tt.expand_dims": arithmetic.expand_dims,
    "tt.reshape": parts.reshape,
    "tt.split": parts.split,
    "tt.broadcast": arithmetic.broadcast,
    "tt.splat": arithmetic.broadcast,
    "tt.unsplat": arithmetic.broadcast,
    "tt.trans": arithmetic.transpose,
    "ttg.convert_layout": arithmetic.same,
    "tt.addptr": memory.add_pointer,
    "tt.load": memory.load,
    "tt.descriptor_load": memory.load,
    "tt.store": memory.store,
    "tt.descriptor_store": memory.store,
    "tt.atomic_rmw": memory.atomic,
    "tt.make_tensor_ptr": memory.make_view,
    "tt.make_tensor_descriptor": memory.make_view,
    "tt.advance": memory.advance,
    "tt.dot": memory.dot,
    "tt.reduce": reductions.reduce,
    **dict.fromkeys((*names.CASTS, *names.INTEGER_CASTS), arithmetic.cast),
}
