"""What a catalog file says, and how it becomes a Target.

A file ``catalog/NAME.toml`` holds three words and one list::

    name = "rtx4090"                        # the file's own name
    title = "NVIDIA GeForce RTX 4090"       # what the driver reports
    architecture = "Ada Lovelace"
    aliases = ["4090"]                      # other names, beside name and title; a bare family name
                                            # stands in the file that it means by default

and one inline table for each number of a Target::

    l2_bytes = { value = 72, unit = "MB", read = "source", source = "document, table" }

``unit`` is fixed for each field (``FIELDS``). As vendors write them, KB is 1024 bytes and MB 2**20 bytes where they
size a memory, and GB is 2**30 bytes in ``dram_bytes``; rates are decimal: GB/s is 1e9 bytes and TFLOP/s 1e12
operations a second, a multiplication with its addition counted as two. Rates are dense, at boost clock.
``source`` names the document and its table, or who measured it on what. ``read`` says what whoever wrote the line
opened: ``"source"`` the source itself (a file or page of its maker, a device's own report, a measurement), ``"copy"``
only somebody's copy, quotation or table of it, which ``source`` names, and ``"none"`` nothing: the number is from
memory, ``source`` says where to look it up, and a Target's source of it ends with ``NOT_READ``. A number that no
source gives is left out where ``FIELDS`` allows it: a missing tensor-core rate says that the chip has no such unit, a
missing latency or cache bandwidth that nobody is known to have measured it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tilewright.errors import PluginError
from tilewright.records.target import Target

WORDS = ("name", "title", "architecture")
READ = ("source", "copy", "none")
NOT_READ = " (not re-read)"
"""How the source of a number ends whose document nobody has opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """How one field of a Target stands in a file."""

    unit: str
    scale: int = 1
    """Factor from the file's unit to the field's."""
    whole: bool = True
    """Whether the field is a whole number."""
    optional: bool = False


_COUNT = Field(unit="count")
_TFLOPS = Field(unit="TFLOP/s", whole=False)
_TENSOR = Field(unit="TFLOP/s", whole=False, optional=True)
_CYCLES = Field(unit="cycles", whole=False, optional=True)

FIELDS: Mapping[str, Field] = {
    "compute_capability": Field(unit="major.minor"),
    "sm_count": _COUNT,
    "boost_clock_mhz": Field(unit="MHz", whole=False),
    "dram_gb_per_s": Field(unit="GB/s", whole=False),
    "dram_bytes": Field(unit="GB", scale=2**30),
    "fp32_tflops": _TFLOPS,
    "tf32_tflops": _TENSOR,
    "fp16_tflops": _TENSOR,
    "bf16_tflops": _TENSOR,
    "warp_size": Field(unit="threads"),
    "max_registers_per_thread": Field(unit="registers"),
    "registers_per_sm": Field(unit="registers"),
    "register_allocation_unit": Field(unit="registers"),
    "max_threads_per_block": Field(unit="threads"),
    "max_threads_per_sm": Field(unit="threads"),
    "max_warps_per_sm": Field(unit="warps"),
    "max_blocks_per_sm": Field(unit="blocks"),
    "shared_bytes_per_sm": Field(unit="KB", scale=2**10),
    "shared_bytes_per_block": Field(unit="KB", scale=2**10),
    "shared_reserved_bytes_per_block": Field(unit="bytes"),
    "shared_allocation_unit_bytes": Field(unit="bytes"),
    "l2_bytes": Field(unit="MB", scale=2**20),
    "l2_bytes_per_clk_per_sm": Field(unit="bytes/clock/SM", whole=False, optional=True),
    "l2_latency_cycles": _CYCLES,
    "dram_latency_cycles": _CYCLES,
}
_MAY_BE_ZERO = frozenset({"shared_reserved_bytes_per_block"})
_KEYS = frozenset({"value", "unit", "read", "source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of the catalog."""

    target: Target
    aliases: tuple[str, ...]
    read: Mapping[str, str]
    """Each number's field to one of ``READ``."""


def parse_entry(text: str, file: str) -> Entry:
    """Read one catalog file.

    Args:
        text: The file's content.
        file: Its name, for messages; ``NAME.toml`` is the file of the GPU called ``NAME``.

    Raises:
        PluginError: The file is broken; the message names it, the field and what is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PluginError(f"{file}: not a TOML file: {error}") from error
    unknown = sorted(data.keys() - FIELDS.keys() - set(WORDS) - {"aliases"})
    if unknown:
        raise PluginError(f"{file}: no such field: {', '.join(unknown)}")
    words: dict[str, Any] = {word: _word(data, word, file) for word in WORDS}
    if f"{words['name']}.toml" != file:
        raise PluginError(f"{file}: name is {words['name']!r}; a file is called after its GPU")
    aliases = data.get("aliases")
    if not isinstance(aliases, list) or not all(isinstance(alias, str) and alias for alias in aliases):
        raise PluginError(f"{file}: aliases must be a list of names")
    numbers = {name: _number(data, name, field, file) for name, field in FIELDS.items()}
    read = {name: data[name]["read"] for name in FIELDS if name in data}
    sources = {name: data[name]["source"] + (NOT_READ if how == "none" else "") for name, how in read.items()}
    return Entry(target=Target(**words, **numbers, sources=sources), aliases=tuple(aliases), read=read)


def _word(data: Mapping[str, Any], word: str, file: str) -> str:
    value = data.get(word)
    if not isinstance(value, str) or not value.strip():
        raise PluginError(f"{file}: {word} must be a name")
    return value


def _number(data: Mapping[str, Any], name: str, field: Field, file: str) -> Any:
    if name not in data:
        if field.optional:
            return None
        raise PluginError(f"{file}: {name} is missing")
    table = data[name]
    if not isinstance(table, dict) or table.keys() != _KEYS:
        raise PluginError(f"{file}: {name} must be a table of value, unit, read and source")
    if table["unit"] != field.unit:
        raise PluginError(f"{file}: {name} is in {field.unit}, not in {table['unit']}")
    if not isinstance(table["source"], str) or not table["source"].strip():
        raise PluginError(f"{file}: {name} has no source")
    if table["read"] not in READ:
        raise PluginError(f"{file}: {name}: read must be one of {', '.join(READ)}")
    if name == "compute_capability":
        return _capability(table["value"], file)
    return _scaled(table["value"], name, field, file)


def _capability(value: Any, file: str) -> tuple[int, int]:
    major, _, minor = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not (major.isdecimal() and minor.isdecimal()):
        raise PluginError(f'{file}: compute_capability must be text like "8.9"')
    return int(major), int(minor)


def _scaled(value: Any, name: str, field: Field, file: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PluginError(f"{file}: {name} must be a number")
    if not 0 <= value < float("inf") or (value == 0 and name not in _MAY_BE_ZERO):
        raise PluginError(f"{file}: {name} must be positive")
    scaled = value * field.scale
    if not field.whole:
        return float(scaled)
    if scaled != int(scaled):
        raise PluginError(f"{file}: {name} must come to a whole number, not {scaled}")
    return int(scaled)
