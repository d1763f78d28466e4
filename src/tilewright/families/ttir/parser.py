"""Reads Triton IR as text into frozen operations.

The printed form has one operation on a line, apart from regions; that holds for Triton 3.6 to 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


class TtirSyntaxError(ValueError):
    """The text is not Triton IR as Triton 3.6 to 3.9 print it."""


@dataclass(frozen=True, slots=True)
class Type:
    """``shape`` is empty for a scalar, ``element`` is Triton's name (fp32, i32, …), of a pointer what it points to."""

    shape: tuple[int, ...]
    element: str
    pointer: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Operations that run one after the other."""

    label: str
    arguments: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``text`` is all that follows its name, without places and types."""

    results: tuple[str, ...]
    name: str
    text: str
    types: str
    """What follows the last colon outside brackets."""
    regions: tuple[tuple[Block, ...], ...] = ()
    operands: tuple[str, ...] = field(default=())

    def integer(self, attribute: str) -> int | None:
        """Return the whole-number attribute of that name, such as ``axis``."""
        found = re.search(rf"\b{attribute} = (-?\d+)", self.text)
        return int(found.group(1)) if found else None

    def integers(self, attribute: str) -> tuple[int, ...]:
        """Return the numbers of an ``array<i32: …>`` attribute."""
        found = re.search(rf"\b{attribute} = array<i\d+: ([-\d, ]*)>", self.text)
        return tuple(int(number) for number in found.group(1).split(",")) if found else ()

    @property
    def result_type(self) -> Type:
        """Type of the (first) result."""
        for arrow in (" -> ", " to "):
            if arrow in self.types:
                return parse_type(self.types.rpartition(arrow)[2])
        return parse_type(self.types.rpartition(", ")[2] if self.name == "arith.select" else self.types)


@dataclass(frozen=True, slots=True)
class Function:
    """A kernel: its run-time parameters in order, and its blocks."""

    name: str
    parameters: tuple[tuple[str, Type], ...]
    blocks: tuple[Block, ...]

    def walk(self) -> Iterator[Operation]:
        """Yield every operation, those inside regions too, in textual order."""
        return _walk(self.blocks)


def parse(text: str) -> Function:
    """Parse the one public function of a Triton IR module.

    Raises:
        TtirSyntaxError: There is no public function, or the text is not laid out as Triton prints it.
    """
    lines = [line for line in map(str.strip, _without_places(text).splitlines()) if line and not line.startswith("#")]
    for number, line in enumerate(lines):
        header = re.match(r"tt\.func (?:public )?@([\w$.\-]+|\"[^\"]+\")\((.*)\)(.*)\{$", line)
        if header and "tt.func private" not in line:
            reader = _Reader(lines, number + 1)
            blocks, _ = reader.region()
            return Function(header.group(1).strip('"'), _parameters(header.group(2)), blocks)
    raise TtirSyntaxError("no tt.func in this text")


def parse_type(text: str) -> Type:
    """Parse ``i32``, ``!tt.ptr<f32>``, ``tensor<64x1x!tt.ptr<f32>>``, …; an unknown type keeps its text as element."""
    text = text.strip()
    if text.startswith("tensor<") and text.endswith(">"):
        found = re.match(r"tensor<((?:\d+x)*)([^,]*?)(?:, #.*)?>$", text)
        if found:
            inner = parse_type(found.group(2))
            return Type(tuple(int(size) for size in found.group(1).split("x")[:-1]), inner.element, inner.pointer)
    if text.startswith("!tt.ptr<") and text.endswith(">"):
        return Type((), parse_type(text[len("!tt.ptr<") : -1].split(",")[0]).element, pointer=True)
    return Type((), _ELEMENTS.get(text, text))


_ELEMENTS = {
    "f16": "fp16",
    "f32": "fp32",
    "f64": "fp64",
    "bf16": "bf16",
    "index": "i64",
    "f8E4M3FN": "fp8e4nv",
    "f8E5M2": "fp8e5",
}
_NAME = r"%[\w$.\-]+"
_OPERATION = re.compile(rf'(?:({_NAME}(?::\d+)?(?:, {_NAME}(?::\d+)?)*) = )?"?([a-z_]\w*(?:\.\w+)+)"?\s*(.*)$')
_LABEL = re.compile(r"(\^\w+)(?:\((.*)\))?:")


def _walk(blocks: tuple[Block, ...]) -> Iterator[Operation]:
    for block in blocks:
        for operation in block.operations:
            yield operation
            for region in operation.regions:
                yield from _walk(region)


def _without_places(text: str) -> str:
    """Drop every ``loc(…)``, whatever is nested in it."""
    kept, position = [], 0
    for found in re.finditer(r"\s*\bloc\(", text):
        if found.start() < position:
            continue
        kept.append(text[position : found.start()])
        depth, end, quoted = 1, found.end(), False
        while depth and end < len(text):
            letter = text[end]
            quoted ^= letter == '"'
            depth += 0 if quoted else (letter == "(") - (letter == ")")
            end += 1
        position = end
    return "".join([*kept, text[position:]])


def _parameters(text: str) -> tuple[tuple[str, Type], ...]:
    found = re.findall(rf"({_NAME}): ((?:!tt\.\w+<.*?>+|[\w]+))(?: \{{[^}}]*\}})?(?:, |$)", text)
    return tuple((name[1:], parse_type(kind)) for name, kind in found)


class _Reader:
    """Walks the lines of one function."""

    def __init__(self, lines: list[str], position: int) -> None:
        self._lines, self._position = lines, position

    def region(self) -> tuple[tuple[Block, ...], str]:
        """Read up to the closing brace; return the blocks and what follows the brace."""
        blocks: list[Block] = []
        label, arguments, operations = "^entry", (), list[Operation]()
        while self._position < len(self._lines):
            line = self._lines[self._position]
            self._position += 1
            if line.startswith("}"):
                blocks.append(Block(label, tuple(arguments), tuple(operations)))
                return tuple(block for block in blocks if block.operations or block.label != "^entry"), line[1:].strip()
            marked = _LABEL.match(line)
            if marked:
                blocks.append(Block(label, tuple(arguments), tuple(operations)))
                label, operations = marked.group(1), []
                arguments = tuple(re.findall(_NAME, marked.group(2) or ""))
            else:
                operations.append(self._operation(line))
        raise TtirSyntaxError("a region has no closing brace")

    def _operation(self, line: str) -> Operation:
        found = _OPERATION.match(line)
        if found is None:
            raise TtirSyntaxError(f"not an operation: {line[:80]!r}")
        regions: list[tuple[Block, ...]] = []
        rest, tail = found.group(3), ""
        if rest.endswith("{"):
            rest = rest[:-1].rstrip(" (")
            while True:
                blocks, tail = self.region()
                regions.append(blocks)
                if not tail.endswith("{"):
                    break
            if tail.startswith(")"):
                rest += " " + tail[1:].strip()
        text, types = _split_types(rest)
        results = tuple(name for spec in (found.group(1) or "").split(", ") if spec for name in _expand(spec))
        used = tuple(re.findall(rf"{_NAME}(?:#\d+)?", text))
        return Operation(results, found.group(2), text, types, tuple(regions), used)


def _expand(spec: str) -> tuple[str, ...]:
    name, _, count = spec.partition(":")
    return tuple(f"{name}#{index}" for index in range(int(count))) if count else (name,)


def _split_types(text: str) -> tuple[str, str]:
    """Cut at the last `` : `` that is outside every bracket."""
    depth, cut = 0, -1
    for index, letter in enumerate(text):
        if letter in "<({[":
            depth += 1
        elif letter in ")}]" or (letter == ">" and text[index - 1] != "-"):
            depth -= 1
        elif letter == ":" and depth == 0 and text[index - 1 : index + 2] == " : ":
            cut = index
    return (text, "") if cut < 0 else (text[:cut].strip(), text[cut + 1 :].strip())
