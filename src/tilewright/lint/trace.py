"""Walk a kernel with one set of constants and dtypes and note what happens: dots, casts, loads, loops, branches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import libcst as cst

from tilewright.lint.calls import CallContext, called
from tilewright.lint.events import Clash, Created, Event
from tilewright.lint.model import FileModel
from tilewright.lint.specialise import Specialisation, specialisations
from tilewright.lint.tile import NOTHING, Tile, broadcast, constant_tile, elementwise, implied_dtype, join, promoted
from tilewright.lint.tree import UNKNOWN, assigned_names, dotted, keywords, literal, statements, target_names
from tilewright.lint.values import TRITON_DTYPES, DType, binary, compare, logic, truth

Environment = dict[str, Tile]
_DEPTH = 8


@dataclass(slots=True)
class Trace:
    """What one walk met."""

    specialisation: Specialisation
    events: list[Event] = field(default_factory=list)
    visited: set[cst.CSTNode] = field(default_factory=set)
    """Statements that this walk reached."""
    decided: dict[cst.If, set[bool]] = field(default_factory=dict)
    """Branches whose condition was known, with the sides taken."""
    undecided: set[cst.If] = field(default_factory=set)


@lru_cache(maxsize=4)
def traces(file: FileModel) -> tuple[Trace, ...]:
    """Return one trace for each specialisation of each kernel."""
    found = []
    for item in specialisations(file):
        trace = Trace(item)
        _Walker(file, trace).kernel()
        found.append(trace)
    return tuple(found)


def _carried(tile: Tile, unrolled: bool) -> Tile:
    """Return a loop-carried variable: its value changes, so a constant is no longer one; its dtype stays."""
    if tile.constant is UNKNOWN:
        return tile
    return NOTHING if unrolled else Tile(dtype=implied_dtype(tile), shape=tile.shape)


class _Walker(CallContext):
    """Walks statements in order; both sides of a branch that constants do not decide."""

    def __init__(self, file: FileModel, trace: Trace) -> None:
        self.file = file
        self.trace = trace
        self.depth = 0
        self.last: dict[str, cst.CSTNode] = {}
        self.globals = {
            name: constant_tile(literal(node.value))
            for node in file.top
            if isinstance(node, (cst.Assign, cst.AnnAssign)) and node.value is not None
            for target in (node.targets if isinstance(node, cst.Assign) else (node,))
            for name in target_names(target.target)
        }

    def kernel(self) -> None:
        """Walk the kernel's own body."""
        item = self.trace.specialisation
        env: Environment = {}
        for param in item.kernel.parameters:
            if param.constexpr:
                env[param.name] = constant_tile(item.constants.get(param.name, UNKNOWN))
            elif param.name in item.dtypes:
                env[param.name] = Tile(dtype=item.dtypes[param.name], shape=(), pointer=True)
            else:
                env[param.name] = Tile(shape=())
        self.block(statements(item.kernel.node.body), env, [])

    def note(self, event: Event) -> None:
        """Add an event."""
        self.trace.events.append(event)

    def inlined(self, name: str, positional: tuple[Tile, ...], named: Mapping[str, Tile]) -> Tile:
        """Walk a helper with these arguments and return what it returns."""
        helper = self.file.kernels[name]
        if self.depth >= _DEPTH:
            return NOTHING
        env: Environment = {}
        for index, param in enumerate(helper.parameters):
            given = positional[index] if index < len(positional) else named.get(param.name)
            env[param.name] = given if given is not None else constant_tile(literal(param.default))
        self.depth += 1
        returned: list[Tile] = []
        self.block(statements(helper.node.body), env, returned)
        self.depth -= 1
        result = returned[0] if returned else NOTHING
        for item in returned[1:]:
            result = join(result, item)
        return result

    def block(self, body: tuple[cst.CSTNode, ...], env: Environment, returned: list[Tile]) -> bool:
        """Walk statements; return ``False`` when the path ends."""
        for node in body:
            self.trace.visited.add(node)
            if isinstance(node, cst.Return):
                returned.append(self.value(node.value, env) if node.value is not None else NOTHING)
                return False
            if isinstance(node, cst.If):
                if not self._branch(node, env, returned):
                    return False
            elif isinstance(node, (cst.For, cst.While)):
                self._loop(node, env, returned)
            else:
                self._simple(node, env, returned)
        return True

    def _simple(self, node: cst.CSTNode, env: Environment, returned: list[Tile]) -> None:
        if isinstance(node, cst.Assign):
            value = self.value(node.value, env)
            for target in node.targets:
                self._bind(target.target, value, env, node)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            self._bind(node.target, self.value(node.value, env), env, node)
        elif isinstance(node, cst.AugAssign):
            left, right = self.value(node.target, env), self.value(node.value, env)
            division = isinstance(node.operator, cst.DivideAssign)
            self._bind(node.target, elementwise(left, right, promoted(left, right, division=division)), env, node)
        elif isinstance(node, cst.Expr):
            self.value(node.value, env)
        elif isinstance(node, cst.With):
            self.block(statements(node.body), env, returned)

    def _bind(self, target: cst.BaseExpression, value: Tile, env: Environment, node: cst.CSTNode) -> None:
        if isinstance(target, (cst.Tuple, cst.List)):
            parts = value.items if len(value.items) == len(target.elements) else (NOTHING,) * len(target.elements)
            for item, part in zip(target.elements, parts, strict=True):
                self._bind(item.value, part, env, node)
        for name in target_names(target) if isinstance(target, cst.Name) else ():
            env[name] = value
            self.last[name] = node

    def _branch(self, node: cst.If, env: Environment, returned: list[Tile]) -> bool:
        condition = truth(self.value(node.test, env).constant)
        orelse: tuple[cst.CSTNode, ...] = ()
        if isinstance(node.orelse, cst.If):
            orelse = (node.orelse,)
        elif isinstance(node.orelse, cst.Else):
            orelse = statements(node.orelse.body)
        if condition is not None:
            self.trace.decided.setdefault(node, set()).add(condition)
            return self.block(statements(node.body) if condition else orelse, env, returned)
        self.trace.undecided.add(node)
        sides = (dict(env), dict(env))
        goes_on = [
            side
            for side, body in zip(sides, (statements(node.body), orelse), strict=True)
            if self.block(body, side, returned)
        ]
        for name in {name for side in goes_on for name in side}:
            tiles = [side.get(name, NOTHING) for side in goes_on]
            env[name] = tiles[0] if len(tiles) == 1 else join(*tiles)
        return bool(goes_on)

    def _loop(self, node: cst.For | cst.While, env: Environment, returned: list[Tile]) -> None:
        unrolled = False
        loop_targets = target_names(node.target) if isinstance(node, cst.For) else ()
        if isinstance(node, cst.For):
            unrolled = isinstance(node.iter, cst.Call) and self.file.tl_name(node.iter) == "static_range"
            self.value(node.iter, env)
            for name in loop_targets:
                env[name] = Tile(dtype=None if unrolled else "i32", shape=())
        assigned = assigned_names(node)
        entered = dict(env)
        env.update({name: _carried(env[name], unrolled) for name in assigned & set(env) - set(loop_targets)})
        self.block(statements(node.body), env, returned)
        for name, before in entered.items():
            after = env.get(name, before)
            was, now = implied_dtype(before), implied_dtype(after)
            if unrolled or after is before or was is None or now is None or before.pointer or after.pointer:
                continue
            if was != now and after.dtype is not None and not (before.dtype is None and now not in ("fp32", "fp64")):
                self.note(Clash(self.last[name], name, was, now))
                env[name] = NOTHING
        env.update({name: _carried(env[name], unrolled) for name in assigned & set(env)})

    def value(self, node: cst.BaseExpression, env: Environment) -> Tile:
        """Return what is known of an expression."""
        if isinstance(node, cst.Name):
            if node.value in ("True", "False", "None"):
                return constant_tile({"True": True, "False": False, "None": None}[node.value])
            return env.get(node.value, self.globals.get(node.value, NOTHING))
        if isinstance(node, cst.Attribute):
            return self._attribute(node, env)
        if isinstance(node, (cst.Tuple, cst.List)):
            return Tile(items=tuple(self.value(item.value, env) for item in node.elements))
        if isinstance(node, cst.BinaryOperation):
            left, right = self.value(node.left, env), self.value(node.right, env)
            known = binary(node.operator, left.constant, right.constant)
            if known is not UNKNOWN:
                return constant_tile(known)
            division = isinstance(node.operator, cst.Divide)
            result = elementwise(left, right, promoted(left, right, division=division))
            return self.matrix_product(node, left, right) if isinstance(node.operator, cst.MatrixMultiply) else result
        if isinstance(node, cst.UnaryOperation):
            return self._unary(node, env)
        if isinstance(node, cst.BooleanOperation):
            left, right = self.value(node.left, env), self.value(node.right, env)
            return Tile(shape=(), constant=logic(node.operator, left.constant, right.constant))
        if isinstance(node, cst.Comparison):
            return self._comparison(node, env)
        if isinstance(node, cst.IfExp):
            condition = truth(self.value(node.test, env).constant)
            if condition is not None:
                return self.value(node.body if condition else node.orelse, env)
            return join(self.value(node.body, env), self.value(node.orelse, env))
        if isinstance(node, cst.Subscript):
            return self._subscript(node, env)
        if isinstance(node, cst.Call):
            positional = tuple(self.value(item.value, env) for item in node.args if item.keyword is None)
            named = {name: self.value(item, env) for name, item in keywords(node).items()}
            method = isinstance(node.func, cst.Attribute) and not self.file.tl_name(node)
            base = self.value(node.func.value, env) if method and isinstance(node.func, cst.Attribute) else None
            return called(self, node, positional, named, base)
        return constant_tile(literal(node))

    def matrix_product(self, node: cst.CSTNode, left: Tile, right: Tile) -> Tile:
        """Return the result of ``a @ b``, of which only the shape matters."""
        if left.shape is None or right.shape is None or len(left.shape) != 2 or len(right.shape) != 2:
            return NOTHING
        return Tile(shape=(left.shape[0], right.shape[1]))

    def _unary(self, node: cst.UnaryOperation, env: Environment) -> Tile:
        inner = self.value(node.expression, env)
        if isinstance(node.operator, cst.Not):
            known = truth(inner.constant)
            return constant_tile(UNKNOWN if known is None else not known)
        if isinstance(node.operator, cst.Minus) and isinstance(inner.constant, (int, float)):
            return constant_tile(-inner.constant)
        return Tile(dtype=inner.dtype, shape=inner.shape, holes=inner.holes, narrowed=inner.narrowed)

    def _comparison(self, node: cst.Comparison, env: Environment) -> Tile:
        left = self.value(node.left, env)
        if len(node.comparisons) != 1:
            return NOTHING
        right = self.value(node.comparisons[0].comparator, env)
        known = compare(node.comparisons[0].operator, left.constant, right.constant)
        if known is not UNKNOWN:
            return constant_tile(known)
        is_check = isinstance(node.comparisons[0].operator, (cst.Is, cst.IsNot))
        return Tile(shape=()) if is_check else Tile(dtype="i1", shape=broadcast(left.shape, right.shape))

    def _attribute(self, node: cst.Attribute, env: Environment) -> Tile:
        full = self.file.resolve(node)
        if full.startswith("triton.language."):
            name = TRITON_DTYPES.get(full.removeprefix("triton.language."))
            return constant_tile(DType(name)) if name else NOTHING
        base = dotted(node)
        for ending, pointer in ((".dtype.element_ty", True), (".type.element_ty", True), (".dtype", False)):
            owner = env.get(base.removesuffix(ending)) if base.endswith(ending) else None
            if owner is not None:
                known = owner.dtype is not None and owner.pointer == pointer
                return constant_tile(DType(owner.dtype)) if known and owner.dtype else NOTHING
        inner = self.value(node.value, env)
        if node.attr.value == "T" and inner.shape is not None and len(inner.shape) == 2:
            return Tile(dtype=inner.dtype, shape=inner.shape[::-1], loaded=inner.loaded, narrowed=inner.narrowed)
        if node.attr.value == "shape" and inner.shape is not None:
            return Tile(items=tuple(constant_tile(dim if isinstance(dim, int) else UNKNOWN) for dim in inner.shape))
        return NOTHING

    def _subscript(self, node: cst.Subscript, env: Environment) -> Tile:
        base = self.value(node.value, env)
        parts = [item.slice for item in node.slice]
        if base.items and len(parts) == 1 and isinstance(parts[0], cst.Index):
            index = self.value(parts[0].value, env).constant
            return (
                base.items[index] if isinstance(index, int) and -len(base.items) <= index < len(base.items) else NOTHING
            )
        if base.shape is None:
            return Tile(dtype=base.dtype, pointer=base.pointer)
        shape: list[int | str] = []
        rest = list(base.shape)
        for part in parts:
            if isinstance(part, cst.Index):
                if dotted(part.value) != "None":
                    return NOTHING
                shape.append(1)
            elif rest:
                shape.append(rest.pop(0))
        shaped = (*shape, *rest)
        self.note(Created(node, shaped))
        return Tile(dtype=base.dtype, shape=shaped, pointer=base.pointer, loaded=base.loaded, narrowed=base.narrowed)
