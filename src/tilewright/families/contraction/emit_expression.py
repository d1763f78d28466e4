"""Write the Expression tree of an epilogue as Triton, with names where a person would put them.

Only ``tl.*`` functions are used, never ``libdevice``: those do not run in Triton's interpreter.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tilewright.records.algorithm import Accumulated, Apply, Constant, Expression, Loaded, Operand, Parameter, Reduce

TRITON_DTYPES = {
    "fp64": "tl.float64", "fp32": "tl.float32", "fp16": "tl.float16", "bf16": "tl.bfloat16",
    "fp8e4nv": "tl.float8e4nv", "fp8e5": "tl.float8e5",
    "i1": "tl.int1", "i8": "tl.int8", "i16": "tl.int16", "i32": "tl.int32", "i64": "tl.int64",
    "u8": "tl.uint8", "u16": "tl.uint16", "u32": "tl.uint32", "u64": "tl.uint64",
}  # fmt: skip
"""Dtype names of the records, as Triton writes them."""

_ATOM, _UNARY, _PRODUCT, _SUM, _AND, _XOR, _OR, _COMPARE = 9, 8, 7, 6, 5, 4, 3, 2
_INFIX = {
    "add": ("+", _SUM), "sub": ("-", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT), "rem": ("%", _PRODUCT),
    "lt": ("<", _COMPARE), "le": ("<=", _COMPARE), "gt": (">", _COMPARE), "ge": (">=", _COMPARE),
    "eq": ("==", _COMPARE), "ne": ("!=", _COMPARE), "and": ("&", _AND), "xor": ("^", _XOR), "or": ("|", _OR),
}  # fmt: skip
_ASSOCIATIVE = {"mul", "and", "or", "xor"}
_CALLS = {
    "abs": "tl.abs", "exp": "tl.exp", "exp2": "tl.exp2", "log": "tl.log", "log2": "tl.log2", "sqrt": "tl.sqrt",
    "rsqrt": "tl.rsqrt", "sin": "tl.sin", "cos": "tl.cos", "erf": "tl.erf", "floor": "tl.floor", "ceil": "tl.ceil",
    "max": "tl.maximum", "min": "tl.minimum", "fma": "tl.fma", "where": "tl.where",
}  # fmt: skip
_REDUCTIONS = {"sum": ("tl.sum", "0.0"), "max": ("tl.max", 'float("-inf")'), "min": ("tl.min", 'float("inf")')}
"""Each with what changes nothing in it."""
_LINES_OF_TILE = {"m": (0, "column"), "n": (1, "row")}
_NAMES = ("x", "y", "z", "u", "v", "w")
_LONGEST_LINE = 84


def number(value: float | int | bool, dtype: str) -> str:
    """Shortest text that reads back as ``value`` in ``dtype``; infinities and NaN through ``float``."""
    if isinstance(value, bool) or dtype == "i1":
        return str(bool(value))
    if not dtype.startswith(("fp", "bf")):
        return str(int(value))
    if not math.isfinite(value):
        return f'float("{value}")'
    if dtype == "fp64":
        return repr(float(value))
    code = "e" if dtype == "fp16" else "f"
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        try:
            same = struct.pack(code, float(text)) == struct.pack(code, value)
        except OverflowError:
            break
        if same:
            return repr(float(text))
    return repr(float(value))


@dataclass
class ExpressionWriter:
    """Turns expressions into text; what it has to bind to a name on the way is collected in ``lines``.

    Attributes:
        accumulator: Name of the finished sum.
        load: Gives the text that reads an operand at the tile, and is asked once an operand.
        inside: Gives the text of the mask that ends an axis, shaped so that it broadcasts over the tile.
        taken: Names in use; the names bound here are added.
    """

    accumulator: str
    load: Callable[[Operand], str]
    inside: Callable[[str], str]
    taken: set[str]
    lines: list[str] = field(default_factory=list)
    _bound: dict[str, str] = field(default_factory=dict)

    def write(self, value: Expression) -> str:
        """Text of ``value``; shared or long parts are bound to names in ``lines`` first."""
        counts: Counter[str] = Counter()
        _count(value, counts)
        return self._text(value, counts)[0]

    def fresh(self, wish: str) -> str:
        """A name near ``wish`` that nothing else uses."""
        name, number_ = wish, 1
        while name in self.taken:
            number_ += 1
            name = f"{wish}_{number_}"
        self.taken.add(name)
        return name

    def _text(self, value: Expression, counts: Counter[str]) -> tuple[str, int]:
        key = repr(value)
        if key in self._bound:
            return self._bound[key], _ATOM
        match value:
            case Accumulated():
                return self.accumulator, _ATOM
            case Parameter(name=name):
                return name, _ATOM
            case Constant(value=literal, dtype=dtype):
                return number(literal, dtype), _UNARY if literal < 0 else _ATOM
            case Loaded(operand=operand):
                self._bound[key] = self._bind(_stem(operand.parameter), self.load(operand))
                return self._bound[key], _ATOM
            case Reduce(operation=operation, axis=axis):
                place, word = _LINES_OF_TILE[axis]
                self._bound[key] = self._bind(f"{word}_{operation}", self._reduction(value, counts, place))
                return self._bound[key], _ATOM
            case Apply():
                text, level = self._apply(value, counts)
        if (counts[key] > 1 and level != _ATOM) or (counts[key] > 1 and "(" in text) or len(text) > _LONGEST_LINE:
            self._bound[key] = self._bind(next((n for n in _NAMES if n not in self.taken), "x"), text)
            return self._bound[key], _ATOM
        return text, level

    def _bind(self, wish: str, text: str) -> str:
        name = self.fresh(wish)
        self.lines.append(f"{name} = {text}")
        return name

    def _reduction(self, value: Reduce, counts: Counter[str], place: int) -> str:
        """A sum, or the like, that keeps its axis, so that it broadcasts over the tile."""
        function, neutral = _REDUCTIONS[value.operation]
        inner = self._text(value.value, counts)[0]
        return f"{function}(tl.where({self.inside(value.axis)}, {inner}, {neutral}), {place}, keep_dims=True)"

    def _apply(self, value: Apply, counts: Counter[str]) -> tuple[str, int]:
        operation, arguments = value.operation, value.arguments
        if (inner := sigmoid_argument(value)) is not None:
            return f"tl.sigmoid({self._text(inner, counts)[0]})", _ATOM
        if operation == "cast" and isinstance(arguments[0], Parameter):  # a length of 1 is a constant, without methods
            return f"tl.cast({arguments[0].name}, {TRITON_DTYPES[value.dtype]})", _ATOM
        if operation == "cast":
            return f"{self._operand(arguments[0], counts, _ATOM)}.to({TRITON_DTYPES[value.dtype]})", _ATOM
        if operation == "tanh":
            inside = self._operand(arguments[0], counts, _UNARY)
            return f"2.0 * tl.sigmoid(2.0 * {inside}) - 1.0", _SUM
        if operation == "neg" or (operation == "sub" and _is_zero(arguments[0])):
            return f"-{self._operand(arguments[-1], counts, _UNARY)}", _UNARY
        if operation in _INFIX:
            sign, level = _INFIX[operation]
            if operation == "div" and not value.dtype.startswith(("fp", "bf")):
                sign = "//"
            left = self._operand(arguments[0], counts, level + (level == _COMPARE))
            right = self._operand(arguments[1], counts, level if operation in _ASSOCIATIVE | {"add"} else level + 1)
            return f"{left} {sign} {right}", level
        texts = ", ".join(self._text(argument, counts)[0] for argument in arguments)
        if operation in {"max_nan", "min_nan"}:
            return f"{_CALLS[operation[:3]]}({texts}, propagate_nan=tl.PropagateNan.ALL)", _ATOM
        return f"{_CALLS[operation]}({texts})", _ATOM

    def _operand(self, value: Expression, counts: Counter[str], level: int) -> str:
        text, own = self._text(value, counts)
        return text if own >= level else f"({text})"


def sigmoid_argument(value: Expression) -> Expression | None:
    """``x`` where ``value`` is ``1 / (1 + exp(-x))``, which is what ``tl.sigmoid(x)`` becomes in Triton's IR."""
    if not (isinstance(value, Apply) and value.operation == "div" and _is_one(value.arguments[0])):
        return None
    total = value.arguments[1]
    if not (isinstance(total, Apply) and total.operation == "add"):
        return None
    for one, power in (total.arguments, total.arguments[::-1]):
        if _is_one(one) and isinstance(power, Apply) and power.operation == "exp":
            inside = power.arguments[0]
            if isinstance(inside, Apply) and inside.operation == "neg":
                return inside.arguments[0]
            if isinstance(inside, Apply) and inside.operation == "sub" and _is_zero(inside.arguments[0]):
                return inside.arguments[1]
    return None


def without_final_cast(value: Expression, dtype: str) -> Expression:
    """``value`` less a last cast to ``dtype``, which the store does anyway."""
    if isinstance(value, Apply) and value.operation == "cast" and value.dtype == dtype:
        return value.arguments[0]
    return value


def inner_expressions(value: Expression) -> tuple[Expression, ...]:
    """The expressions that one is directly made of."""
    match value:
        case Apply(arguments=arguments):
            return arguments
        case Reduce(value=inner):
            return (inner,)
    return ()


def operands(value: Expression) -> tuple[Operand, ...]:
    """Every tensor read by ``value``, each once, in order of appearance."""
    if isinstance(value, Loaded):
        return (value.operand,)
    found: list[Operand] = []
    for argument in inner_expressions(value):
        found += [operand for operand in operands(argument) if operand not in found]
    return tuple(found)


def _count(value: Expression, counts: Counter[str]) -> None:
    key = repr(value)
    counts[key] += 1
    if counts[key] > 1:
        return
    inner = sigmoid_argument(value)
    for argument in inner_expressions(value) if inner is None else (inner,):
        _count(argument, counts)


def _stem(parameter: str) -> str:
    for ending in ("_ptr", "_pointer"):
        parameter = parameter.removesuffix(ending)
    return parameter.lower() + ("_tile" if parameter in {"x", "y"} else "")


def _is_one(value: Expression) -> bool:
    return isinstance(value, Constant) and value.value == 1


def _is_zero(value: Expression) -> bool:
    return isinstance(value, Constant) and value.value == 0
