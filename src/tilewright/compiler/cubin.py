"""Registers and stack of a kernel, read from its binary (an ELF file)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Attribute numbers of the .nv.info section, as the bundled cuobjdump --dump-elf names them.
_EIATTR_FRAME_SIZE = 0x11
_EIATTR_MIN_STACK_SIZE = 0x12
_EIATTR_REGCOUNT = 0x2F
_FORMAT_SIZED = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one thread of a kernel takes."""

    registers_per_thread: int
    stack_bytes: int


def read_resources(cubin: bytes, kernel: str) -> Resources:
    """Read what the driver would read when it loads the kernel.

    Raises:
        ValueError: the binary is no ELF file or holds no such kernel.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(cubin))
        names = _symbol_names(elf)
        attributes = _attributes(elf)
    except (ELFError, struct.error) as error:
        raise ValueError(f"not a binary of a kernel: {error}") from error
    own = {number: value for (number, symbol), value in attributes.items() if names.get(symbol) == kernel}
    if _EIATTR_REGCOUNT not in own:
        raise ValueError(f"the binary holds no kernel {kernel!r}")
    # MIN_STACK_SIZE covers the functions that the kernel calls, FRAME_SIZE the kernel alone.
    stack = max(own.get(_EIATTR_MIN_STACK_SIZE, 0), own.get(_EIATTR_FRAME_SIZE, 0))
    return Resources(registers_per_thread=own[_EIATTR_REGCOUNT], stack_bytes=stack)


def _symbol_names(elf: Any) -> dict[int, str]:
    table = elf.get_section_by_name(".symtab")
    return {} if table is None else {i: symbol.name for i, symbol in enumerate(table.iter_symbols())}


def _attributes(elf: Any) -> dict[tuple[int, int], int]:
    """Return (attribute, symbol index) to value for the attributes that hold such a pair."""
    section = elf.get_section_by_name(".nv.info")
    found: dict[tuple[int, int], int] = {}
    for number, payload in _entries(b"" if section is None else section.data()):
        if len(payload) == 8:
            symbol, value = struct.unpack("<II", payload)
            found[number, symbol] = value
    return found


def _entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk .nv.info: each entry is a format byte, an attribute byte, and two bytes of value or of payload size."""
    position = 0
    while position + 4 <= len(data):
        layout, number, size = struct.unpack_from("<BBH", data, position)
        position += 4
        if layout == _FORMAT_SIZED:
            yield number, data[position : position + size]
            position += size
