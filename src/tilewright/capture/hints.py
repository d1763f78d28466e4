"""What a wrapper's source says about the shapes of forward's inputs, before anything runs."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field

from tilewright.source import syntax

_SAME_SHAPE = frozenset(
    {"contiguous", "cuda", "to", "float", "half", "bfloat16", "double", "detach", "clone", "type", "cpu"}
)
"""Methods whose result has the shape of the tensor."""
_DEEPEST = 6

Place = tuple[str, int]
"""A forward parameter and one of its dimensions, from 0; negative counts from the end."""


@dataclass(slots=True)
class Hints:
    """Facts by the names of forward's parameters."""

    exact_ranks: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    least_ranks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    same_size: list[tuple[Place, Place]] = field(default_factory=list)
    """Places whose sizes are bound to one variable, as ``K`` in ``M, K = a.shape`` and ``K, N = b.shape``."""
    allowed: dict[Place, tuple[int, ...]] = field(default_factory=dict)
    """Sizes that a check lists, as in ``assert x.shape[-1] in {16, 32, 64}``: a set's lookups cannot be observed."""
    same_rank: list[tuple[str, str]] = field(default_factory=list)


def read(text: str, forward: str = "ModelNew") -> Hints:
    """Collect hints from a file.

    Args:
        text: the file's source, which must parse.
        forward: the class whose ``forward`` is entered.
    """
    tree = syntax.parse(text)
    reader = _Reader()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            reader.functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
            reader.classes[node.name] = methods
    methods = reader.classes.get(forward, {})
    entry = methods.get("forward")
    if entry is not None:
        names = [argument.arg for argument in entry.args.args[1:]]
        reader.enter(entry, dict(zip(names, names, strict=True)), methods, 0)
    return reader.hints


class _Reader:
    def __init__(self) -> None:
        self.hints = Hints()
        self.functions: dict[str, ast.FunctionDef] = {}
        self.classes: dict[str, dict[str, ast.FunctionDef]] = {}

    def enter(
        self, function: ast.FunctionDef, known: dict[str, str], methods: dict[str, ast.FunctionDef], depth: int
    ) -> None:
        """Read one function whose variables ``known`` hold forward's parameters."""
        if depth > _DEEPEST or any("jit" in ast.unparse(each) for each in function.decorator_list):
            return
        sizes: dict[str, list[Place]] = defaultdict(list)
        for node in _in_order(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._assign(node.targets[0], node.value, known, sizes)
            elif isinstance(node, ast.Compare):
                self._compare(node, known)
                self._membership(node, known, sizes)
            elif isinstance(node, ast.Subscript):
                self._subscript(node, known)
            elif isinstance(node, ast.Call):
                self._call(node, known, methods, depth)
        for places in sizes.values():
            self.hints.same_size.extend((places[0], other) for other in places[1:] if other != places[0])

    def _assign(self, target: ast.expr, value: ast.expr, known: dict[str, str], sizes: dict[str, list[Place]]) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for each, its in zip(target.elts, value.elts, strict=True):
                self._assign(each, its, known, sizes)
        elif isinstance(target, ast.Tuple) and (tensor := _whole_shape(value, known)):
            self._unpack(target.elts, tensor, sizes)
        elif isinstance(target, ast.Name):
            place = _one_size(value, known)
            if place is not None:
                sizes[target.id].append(place)
            tensor = _tensor(value, known)
            if tensor is not None:
                known[target.id] = tensor
            else:
                known.pop(target.id, None)

    def _unpack(self, targets: list[ast.expr], tensor: str, sizes: dict[str, list[Place]]) -> None:
        star = next((index for index, each in enumerate(targets) if isinstance(each, ast.Starred)), None)
        if star is None:
            self.hints.exact_ranks[tensor].add(len(targets))
        else:
            self._at_least(tensor, len(targets) - 1)
        for index, each in enumerate(targets):
            if isinstance(each, ast.Name) and each.id != "_":
                position = index if star is None or index < star else index - len(targets)
                sizes[each.id].append((tensor, position))

    def _compare(self, node: ast.Compare, known: dict[str, str]) -> None:
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In):
            return
        left, right = node.left, node.comparators[0]
        first, second = _whole_shape(left, known), _whole_shape(right, known)
        if first and second:
            self.hints.same_rank.append((first, second))
        tensor = _rank_of(left, known)
        if tensor is None:
            return
        other = _rank_of(right, known)
        if other is not None:
            self.hints.same_rank.append((tensor, other))
        values = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
        for each in values:
            if isinstance(each, ast.Constant) and type(each.value) is int:
                self.hints.exact_ranks[tensor].add(each.value)

    def _membership(self, node: ast.Compare, known: dict[str, str], sizes: dict[str, list[Place]]) -> None:
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.In | ast.NotIn):
            return
        place = _one_size(node.left, known)
        places = [place] if place is not None else sizes.get(ast.unparse(node.left), [])
        right = node.comparators[0]
        if isinstance(right, ast.Set | ast.Tuple | ast.List):
            listed = tuple(number for each in right.elts if (number := _integer(each)) is not None)
            if listed and len(listed) == len(right.elts):
                self.hints.allowed.update(dict.fromkeys(places, listed))

    def _subscript(self, node: ast.Subscript, known: dict[str, str]) -> None:
        tensor = _whole_shape(node.value, known)
        index = _integer(node.slice)
        if tensor is not None and index is not None:
            self._at_least(tensor, index + 1 if index >= 0 else -index)
        name = _tensor(node.value, known)
        if name is not None and isinstance(node.slice, ast.Tuple):
            counted = [each for each in node.slice.elts if not _is_none_or_ellipsis(each)]
            self._at_least(name, len(counted))

    def _call(self, node: ast.Call, known: dict[str, str], methods: dict[str, ast.FunctionDef], depth: int) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("size", "stride") and node.args:
            tensor, index = _tensor(function.value, known), _integer(node.args[0])
            if tensor is not None and index is not None:
                self._at_least(tensor, index + 1 if index >= 0 else -index)
            return
        found: ast.FunctionDef | None = None
        skip, inside = 0, methods
        if isinstance(function, ast.Name):
            found = self.functions.get(function.id)
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            if function.value.id == "self":
                found, skip = methods.get(function.attr), 1
            elif function.attr == "apply" and function.value.id in self.classes:
                inside = self.classes[function.value.id]
                found, skip = inside.get("forward"), 1
        if found is None:
            return
        names = [argument.arg for argument in found.args.args[skip:]]
        passed = dict(zip(names, node.args, strict=False))
        passed |= {each.arg: each.value for each in node.keywords if each.arg is not None}
        tensors = {name: tensor for name, value in passed.items() if (tensor := _tensor(value, known))}
        if tensors:
            self.enter(found, tensors, inside, depth + 1)

    def _at_least(self, tensor: str, rank: int) -> None:
        self.hints.least_ranks[tensor] = max(self.hints.least_ranks[tensor], rank)


def _in_order(function: ast.FunctionDef) -> list[ast.AST]:
    """All nodes of a function's body, by line: an assignment after what stands inside it."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    return sorted(nodes, key=lambda node: (getattr(node, "lineno", 0), isinstance(node, ast.Assign)))


def _tensor(value: ast.expr, known: dict[str, str]) -> str | None:
    """The forward parameter that an expression has the shape of."""
    if isinstance(value, ast.Name):
        return known.get(value.id)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME_SHAPE:
        return _tensor(value.func.value, known)
    return None


def _whole_shape(value: ast.expr, known: dict[str, str]) -> str | None:
    """The parameter in ``x.shape`` or ``x.size()``."""
    if isinstance(value, ast.Attribute) and value.attr == "shape":
        return _tensor(value.value, known)
    if isinstance(value, ast.Call) and not value.args and isinstance(value.func, ast.Attribute):
        return _tensor(value.func.value, known) if value.func.attr == "size" else None
    return None


def _one_size(value: ast.expr, known: dict[str, str]) -> Place | None:
    """The place in ``x.shape[1]`` or ``x.size(1)``."""
    if isinstance(value, ast.Subscript):
        tensor, index = _whole_shape(value.value, known), _integer(value.slice)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        tensor = _tensor(value.func.value, known) if value.func.attr == "size" else None
        index = _integer(value.args[0])
    else:
        return None
    return None if tensor is None or index is None else (tensor, index)


def _rank_of(value: ast.expr, known: dict[str, str]) -> str | None:
    """The parameter in ``x.dim()``, ``x.ndim`` or ``len(x.shape)``."""
    if isinstance(value, ast.Attribute) and value.attr == "ndim":
        return _tensor(value.value, known)
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Attribute) and value.func.attr in ("dim", "ndimension"):
            return _tensor(value.func.value, known)
        if isinstance(value.func, ast.Name) and value.func.id == "len" and len(value.args) == 1:
            return _whole_shape(value.args[0], known)
    return None


def _integer(value: ast.expr) -> int | None:
    try:
        number = ast.literal_eval(value)
    except ValueError:
        return None
    return number if type(number) is int else None


def _is_none_or_ellipsis(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and (value.value is None or value.value is Ellipsis)
