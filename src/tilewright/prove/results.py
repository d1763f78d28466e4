"""Read what a worker left behind: parent side.

What comes back is a claim of untrusted code in an untrusted format, so it is parsed narrowly: JSON with known keys,
``.npy`` without pickles, bounded sizes. Comparing happens elsewhere, on arrays alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.prove import spill
from tilewright.prove.halves import Array, from_bfloat16_bits
from tilewright.source.syntax import whole_trees

_LARGEST_ARRAY_BYTES = 1 << 29
_POISON_BITS = {"f32": 0x7FC5AA5A, "f16": 0x7E5A, "bf16": 0x7FDA, "f64": 0x7FF8AA5A_5AAA5AAA}
_FAILURES = ("raised", "crashed", "out_of_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One tensor, or other value, that came back."""

    name: str
    dtype: str = ""
    contiguous: bool = True
    device: str = ""
    """Kind of device that it lies on, as the file sees it."""
    shape: tuple[int, ...] = ()
    values: Array | None = None
    """All elements in ``shape``; or, of a very large tensor, a flat sample of them."""
    unwritten: int = 0
    """Elements that still hold the poison of fresh memory."""
    text: str = ""
    """What a value that is no tensor prints as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one case ended."""

    kind: str
    """``ran``, ``raised``, ``crashed``, ``out_of_memory``, ``timed_out`` or ``not_run``."""
    error: str = ""
    line: int | None = None
    outputs: dict[str, Leaf] = field(default_factory=dict)
    inputs: dict[str, Leaf] = field(default_factory=dict)
    state: dict[str, Leaf] = field(default_factory=dict)
    kept: dict[str, Leaf] = field(default_factory=dict)
    """The outputs of the instance's call before this one, as they are after this one."""
    changed: dict[str, int] = field(default_factory=dict)
    """Of inputs that the worker made itself: how many elements the call changed."""
    configurations: dict[str, int] = field(default_factory=dict)
    seen: Any = None
    """What the probes beside the call saw, unread."""
    odd: Any = None
    """Which outputs are no plain tensors, unread."""
    overwritten: tuple[str, ...] | None = ()
    """What was written outside of tensors; ``None`` where nobody looked."""
    times: Any = None
    written_bytes: int = 0
    """Of memory that the call must have written to return its outputs; told of generated inputs only."""
    elapsed_s: float = 0.0
    """Processor seconds that the call took, as the worker says."""
    parts_s: Any = None
    """Seconds of each of the worker's parts, unread."""

    @property
    def ran(self) -> bool:
        """Whether there is something to compare."""
        return self.kind == "ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a fresh model holds."""

    values: dict[str, Array] = field(default_factory=dict)
    """Parameters and buffers by name; floats in float64."""
    parameters: frozenset[str] = frozenset()
    """Which of them are parameters."""


def read_result(folder: Path, sent: Mapping[str, Array] | None = None) -> Result | None:
    """How the case of ``folder`` ended; ``None`` where it did not.

    Args:
        folder: the case's.
        sent: the inputs that were written for it: those that come back as they were are these very arrays.
    """
    try:
        told = json.loads((folder / "result.json").read_text())
        if "error" in told:
            line, kind = told.get("line"), str(told.get("kind", "raised"))
            return Result(
                kind=kind if kind in _FAILURES else "raised",
                error=str(told["error"]),
                line=line if isinstance(line, int) else None,
            )
        return Result(
            kind="ran",
            outputs=_read_leaves(folder, told["outputs"]),
            inputs=_read_leaves(folder, told["inputs"], sent or {}),
            state=_read_leaves(folder, told["state"]),
            kept=_read_leaves(folder, told.get("kept", [])),
            changed={str(k): int(v) for k, v in told.get("changed", {}).items()},
            configurations={str(k): int(v) for k, v in told.get("configurations", {}).items()},
            seen=told.get("seen"),
            odd=told.get("odd"),
            overwritten=_overwritten(told.get("memory")),
            times=told.get("times"),
            written_bytes=int(told.get("written_bytes", 0)),
            elapsed_s=float(told["elapsed_s"]),
            parts_s=told.get("parts_s"),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Result(kind="crashed", error=f"unreadable results: {error}")


def read_state(folder: Path) -> State | Result:
    """Parameters and buffers that the state job wrote into ``folder``."""
    try:
        told = json.loads((folder / "result.json").read_text())
        leaves = _read_leaves(folder, told["state"])
        parameters = frozenset(str(name) for name in told["parameters"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Result(kind="crashed", error=f"unreadable results: {error}")
    return State(
        values={name: leaf.values for name, leaf in leaves.items() if leaf.values is not None}, parameters=parameters
    )


def _overwritten(told: Any) -> tuple[str, ...] | None:
    found = told.get("overwritten") if isinstance(told, dict) else None
    return tuple(str(words) for words in found) if isinstance(found, list) else None


_NOTHING: Mapping[str, Array] = {}


def _load(path: Path) -> Array:
    with whole_trees():
        values: Array = np.load(path, allow_pickle=False)
    return values


def _read_leaves(folder: Path, told: Any, sent: Mapping[str, Array] = _NOTHING) -> dict[str, Leaf]:
    leaves: dict[str, Leaf] = {}
    for item in told:
        name = str(item["name"])
        if "file" not in item:
            leaves[name] = Leaf(name=name, text=str(item["value"]))
            continue
        path = folder / Path(str(item["file"])).name
        if path.stat().st_size > _LARGEST_ARRAY_BYTES:
            raise ValueError(f"{name} has {path.stat().st_size} bytes")
        dtype = str(item["dtype"])
        same = sent.get(name)
        raw = same if same is not None and spill.holds(path, same) else _load(path)
        shape = tuple(int(size) for size in item["shape"])
        if raw.size != math.prod(shape) and raw.ndim != 1:
            raise ValueError(f"{name} has shape {raw.shape}, not {shape}")
        leaves[name] = Leaf(
            name=name,
            dtype=dtype,
            contiguous=bool(item["contiguous"]),
            device=str(item.get("device", "")),
            shape=shape,
            values=from_bfloat16_bits(raw.view(np.uint16)) if dtype == "bf16" else raw,
            unwritten=_count_unwritten(raw, dtype),
        )
    return leaves


def _count_unwritten(raw: Array, dtype: str) -> int:
    bits = _POISON_BITS.get(dtype)
    if bits is None or not raw.size:
        return 0
    unsigned = {2: np.uint16, 4: np.uint32, 8: np.uint64}[raw.itemsize]
    return int(np.count_nonzero(np.ascontiguousarray(raw).view(unsigned) == unsigned(bits)))
