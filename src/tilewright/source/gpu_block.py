"""The GPU block of a prompt document, in the fields and units of Target."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tilewright.errors import SourceError
from tilewright.source.document import strip_bullet

_NUMBER = re.compile(r"(?<![\w.])(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>[A-Za-z]+(?:/s)?)?")
_ABSENT = re.compile(r"^(n/?a|none|not (supported|available)|unsupported|unknown|-)?\.?$", re.IGNORECASE)
_BYTES = {"b": 1, "byte": 1, "bytes": 1, "kb": 1 << 10, "kib": 1 << 10, "k": 1 << 10, "mb": 1 << 20, "mib": 1 << 20,
          "gb": 1 << 30, "gib": 1 << 30}  # fmt: skip
_RATES = {"gb/s": 1.0, "gbps": 1.0, "gib/s": 1.073741824, "tb/s": 1000.0, "tbps": 1000.0, "mb/s": 0.001, "": 1.0}
_FLOPS = {"": 1.0, "tflops": 1.0, "tflop/s": 1.0, "gflops": 0.001, "pflops": 1000.0}


def _count(text: str) -> int | None:
    match = _NUMBER.search(text)
    if match is None or "." in match["number"]:
        return None
    number = int(match["number"].replace(",", ""))
    return number * 1024 if (match["unit"] or "") in ("K", "k") else number


def _scaled(units: dict[str, float], text: str) -> float | None:
    match = _NUMBER.search(text)
    if match is None:
        return None
    unit = (match["unit"] or "").lower()
    number = float(match["number"].replace(",", ""))
    return number * units[unit if unit in units else ""] if unit in units or "" in units else None


def _rate(text: str) -> float | None:
    return _scaled(_RATES, text)


def _flops(text: str) -> float | None:
    return _scaled(_FLOPS, text)


def _bytes(text: str) -> int | None:
    number = _scaled(dict(_BYTES), text)
    return None if number is None else round(number)


def _megahertz(text: str) -> float | None:
    return _scaled({"mhz": 1.0, "ghz": 1000.0, "": 1.0}, text)


def _capability(text: str) -> tuple[int, int] | None:
    match = re.search(r"(\d+)\.(\d+)", text)
    if match is not None:
        return int(match[1]), int(match[2])
    match = re.search(r"(?:sm_?|cc\s*)?(\d{2,3})[a-z]?\b", text, re.IGNORECASE)
    return (int(match[1][:-1]), int(match[1][-1])) if match is not None else None


def _words(text: str) -> str | None:
    return " ".join(text.split()) or None


@dataclass(frozen=True, slots=True)
class _Key:
    """How one line of the block is recognised: words its key holds, words it must not hold, and what it means."""

    field: str
    all_of: tuple[str, ...]
    none_of: tuple[str, ...]
    read: Callable[[str], object]
    example: str
    optional: bool = False


_KEYS = (
    _Key("compute_capability", ("compute capability",), (), _capability, "8.9"),
    _Key("architecture", ("architecture",), (), _words, "Ada Lovelace"),
    _Key("tf32_tflops", ("tf32",), (), _flops, "82.6", True),
    _Key("bf16_tflops", ("bfloat16|bf16",), (), _flops, "165.2", True),
    _Key("fp16_tflops", ("fp16|float16|half",), (), _flops, "165.2", True),
    _Key("fp32_tflops", ("fp32|float32|single precision", "flops"), (), _flops, "82.6"),
    _Key("boost_clock_mhz", ("clock",), ("base", "memory"), _megahertz, "2520 MHz"),
    _Key("dram_gb_per_s", ("bandwidth",), ("l2", "l1", "shared"), _rate, "1008 GB/s"),
    _Key("shared_bytes_per_block", ("shared memory", "block"), (), _bytes, "99 KB"),
    _Key("shared_bytes_per_sm", ("shared memory",), ("block",), _bytes, "100 KB"),
    _Key("l2_bytes", ("l2",), ("bandwidth",), _bytes, "72 MB"),
    _Key("max_registers_per_thread", ("register", "thread"), ("file", "per sm"), _count, "255"),
    _Key("registers_per_sm", ("register",), ("per thread", "per block"), _count, "65536"),
    _Key("max_blocks_per_sm", ("block", "sm|multiprocessor"), ("thread per", "threads per"), _count, "24"),
    _Key("max_warps_per_sm", ("warp",), ("size",), _count, "48"),
    _Key("warp_size", ("warp size",), (), _count, "32"),
    _Key("max_threads_per_block", ("threads per block|threads per thread block",), (), _count, "1024"),
    _Key("max_threads_per_sm", ("threads per sm|threads per multiprocessor",), (), _count, "1536"),
    _Key("sm_count", ("sms|streaming multiprocessors|sm count|multiprocessor count",), (), _count, "128"),
    _Key("dram_bytes", ("memory",), ("shared", "bandwidth", "clock", "bus", "l2"), _bytes, "24 GB"),
)
_NAMES = ("gpu name", "gpu", "device", "device name", "gpu model", "target gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuBlock:
    """What a document says about its GPU."""

    name: str | None
    overrides: dict[str, object]
    """Field of Target to its value, in Target's units."""
    unused: tuple[str, ...]
    """Lines of the block that name no field of Target, as ``line N: text``."""


def read_gpu_block(path: str, lines: Iterable[tuple[int, str]]) -> GpuBlock:
    """Read the ``key: value`` lines of a GPU block; sizes in KB and MB count 1024.

    Raises:
        SourceError: a line names a known quantity, and its value cannot be read.
    """
    name: str | None = None
    overrides: dict[str, object] = {}
    unused: list[str] = []
    for number, line in lines:
        left, separator, right = strip_bullet(line).replace("：", ":").partition(":")
        label, value = " ".join(left.replace("*", "").lower().split()), right.strip(" \t*`")
        if not separator or not label or not value:
            continue
        if label in _NAMES:
            name = name or value
            continue
        key = _find(label)
        if key is None:
            unused.append(f"line {number}: {strip_bullet(line)}")
            continue
        if key.optional and _ABSENT.match(value):
            overrides.setdefault(key.field, None)
            continue
        read = key.read(value)
        if read is None or read == 0:
            what = f"{left.strip()!r} of the GPU block is {value!r}"
            raise SourceError(path, number, what, f"give it as in `{left.strip()}: {key.example}`")
        overrides.setdefault(key.field, read)
    return GpuBlock(name=name, overrides=overrides, unused=tuple(unused))


def _find(label: str) -> _Key | None:
    for key in _KEYS:
        held = all(any(word in label for word in words.split("|")) for words in key.all_of)
        if held and not any(word in label for word in key.none_of):
            return key
    return None
