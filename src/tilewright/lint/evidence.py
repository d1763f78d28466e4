"""Turn what the walks through a kernel met into something a message can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import libcst as cst

from tilewright.lint.events import Event
from tilewright.lint.model import FileModel
from tilewright.lint.trace import Trace, traces

E = TypeVar("E", bound=Event)

_WORDS = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp64": "float64", "i32": "int32", "i64": "int64"}
_MENTIONS = {"bf16": ("bfloat16",), "fp64": ("float64", ".double")}


def word(dtype: str) -> str:
    """Return a dtype as Python writes it: ``fp32`` to ``float32``."""
    return _WORDS.get(dtype, dtype)


def believable(file: FileModel, trace: Trace) -> bool:
    """Tell whether the author can have meant inputs of this trace's dtype.

    float32 and float16 always; bfloat16 and float64 only where the file speaks of them (``double`` alone is a word of
    prose, as in "double-buffered"); what was captured, always.
    """
    dtype = trace.specialisation.dtype
    return dtype not in _MENTIONS or any(text in file.source.text for text in _MENTIONS[dtype])


def met(file: FileModel, kind: type[E], fault: Callable[[E], bool]) -> Iterator[tuple[E, str]]:
    """Yield the first event of ``kind`` with a fault at each node, and for which inputs it happens, in words."""
    first: dict[cst.CSTNode, E] = {}
    where: dict[cst.CSTNode, dict[str, None]] = {}
    for trace in traces(file):
        if not believable(file, trace):
            continue
        for event in trace.events:
            if isinstance(event, kind) and fault(event):
                first.setdefault(event.node, event)
                dtype = trace.specialisation.dtype
                label = (
                    f"{word(dtype)} inputs" if dtype else "the captured launch" if trace.specialisation.captured else ""
                )
                where.setdefault(event.node, {})[label] = None
    for node, event in first.items():
        yield event, _words(file, [label for label in where[node] if label])


def _words(file: FileModel, labels: list[str]) -> str:
    """Return `` for float16 inputs``, or nothing where all input dtypes are alike."""
    known = {trace.specialisation.dtype for trace in traces(file) if believable(file, trace)}
    dtypes = [label for label in labels if label.endswith(" inputs")]
    if not labels or len(dtypes) >= len(known - {None}) > 0:
        return ""
    return " for " + " and ".join(dtypes or labels)
