"""Machine code (SASS) as the bundled disassembler prints it, read into records."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FUNCTION = re.compile(r"^\s*Function : (\S+)")
_INSTRUCTION = re.compile(
    r"^\s*/\*(?P<address>[0-9a-f]{4,})\*/\s+\{?\s*"
    r"(?:@(?P<predicate>!?U?P(?:T|\d+))\s+)?"
    r"(?P<mnemonic>[A-Z][A-Za-z0-9_.]*)"
    r"(?P<operands>[^;]*);"
)
_ADDRESS_OPERAND = re.compile(r"^0x[0-9a-f]+$")
# Some versions print scheduling hints behind the operands: "BRA 0x1840   &req={1} ?trans5;".
_SCHEDULING = re.compile(r"\s[?&][a-z].*$", re.DOTALL)
_NEVER = frozenset({"!PT", "!UPT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One machine instruction."""

    address: int
    """Byte offset from the function's start."""
    predicate: str
    """``P0``, ``!P3``, ``UP1`` …; empty where the instruction always runs."""
    mnemonic: str
    """Opcode with its modifiers: ``HMMA.1688.F32.TF32``."""
    operands: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Opcode without modifiers: ``HMMA``."""
        return self.mnemonic.partition(".")[0]

    @property
    def target(self) -> int | None:
        """The address that a branch or a convergence barrier names, if it names one."""
        if self.stem not in {"BRA", "BSSY", "JMP"} or not self.operands:
            return None
        last = self.operands[-1]
        return int(last, 16) if _ADDRESS_OPERAND.match(last) else None

    @property
    def conditional(self) -> bool:
        """Whether a branch may fall through: it is predicated, or names a condition before its target."""
        return self.predicate not in {"", "PT", "UPT"} or len(self.operands) > 1

    @property
    def counts(self) -> bool:
        """Whether it does any work: no padding, nothing that never runs, no trap of a branch to itself."""
        if self.stem == "NOP" or self.predicate in _NEVER:
            return False
        return not (self.stem == "BRA" and self.target == self.address and not self.conditional)


def parse(listing: str) -> dict[str, tuple[Instruction, ...]]:
    """Read the text of ``cuobjdump -sass``: function name to its instructions in the order of their addresses."""
    functions: dict[str, list[Instruction]] = {}
    current: list[Instruction] | None = None
    for line in listing.splitlines():
        if (header := _FUNCTION.match(line)) is not None:
            current = functions.setdefault(header[1], [])
        elif current is not None and (match := _INSTRUCTION.match(line)) is not None:
            current.append(_instruction(match))
    return {name: tuple(instructions) for name, instructions in functions.items()}


def _instruction(match: re.Match[str]) -> Instruction:
    operands = _SCHEDULING.sub("", match["operands"]).strip()
    return Instruction(
        address=int(match["address"], 16),
        predicate=match["predicate"] or "",
        mnemonic=match["mnemonic"],
        operands=tuple(part.strip() for part in operands.split(",")) if operands else (),
    )
