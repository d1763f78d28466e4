"""Which optimization stage, and which output rules, a prompt document asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tilewright.records.source import OutputContract
from tilewright.source.document import strip_bullet

_NAMES = ("grid_and_parallel", "block_tiling", "memory_access", "advanced_memory")
_PHRASES = {
    "grid_and_parallel": ("grid layout", "grid mapping", "parallel work distribution", "work distribution", "grid",
                          "parallelism", "program_id", "launch geometry"),
    "block_tiling": ("block tiling", "tile size", "block size", "block_m", "tiling", "tile shape", "register pressure"),
    "memory_access": ("memory access", "access pattern", "coalesc", "memory hierarchy", "cache efficiency", "vectoriz",
                      "memory throughput", "num_stages"),
    "advanced_memory": ("advanced memory", "advanced", "latency hiding", "swizzl", "prefetch", "double buffer",
                        "bank conflict", "multi-buffer", "descriptor"),
}  # fmt: skip


def recognise_stage(focus: str, section: str) -> str | None:
    """The stage that a document's stage section describes, or ``None``.

    Args:
        focus: Text after ``**Focus**:``, or empty.
        section: The whole section.
    """
    flat = re.sub(r"[\s_-]+", "_", section.lower())
    named = [name for name in _NAMES if name in flat]
    if len(named) == 1:
        return named[0]
    for text in (focus, section):
        lowered = text.lower()
        scores = {name: sum(lowered.count(phrase) for phrase in phrases) for name, phrases in _PHRASES.items()}
        best = max(scores.values())
        winners = [name for name, score in scores.items() if score == best]
        if best > 0 and len(winners) == 1:
            return winners[0]
    numbered = re.search(r"stage\s*[#:]?\s*([1-4])\b", section.lower())
    return _NAMES[int(numbered[1]) - 1] if numbered else None


def read_contract(lines: Iterable[str]) -> OutputContract:
    """The output rules, as far as they differ from the usual contract: part order and forbidden parts."""
    order: list[str] = []
    forbidden: list[str] = []
    listing = False
    for line in lines:
        text = re.sub(r"^\s*\d+[.)]\s*", "", strip_bullet(line))
        refused = re.search(r"\b(?:do not|don't|never) include\b:?(?P<what>.*)", text, re.IGNORECASE)
        if refused is not None:
            forbidden += _listed(refused["what"])
            listing = not forbidden
            continue
        if listing and text and strip_bullet(line) != line.strip():
            forbidden += _listed(text)
            continue
        part = _part(text)
        if part is not None and part not in order and re.match(r"^\s*(?:\d+[.)]|[•*+-])", line):
            order.append(part)
    usual = OutputContract()
    complete = set(order) == set(usual.order)
    return OutputContract(
        order=tuple(order) if complete else usual.order,
        forbidden=tuple(forbidden) or usual.forbidden,
    )


def _listed(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip(" .`*\t"))]


def _part(text: str) -> str | None:
    lowered = text.lower()
    for part, words in (
        ("imports", ("imports",)),
        ("model", ("modelnew", "class model")),
        ("wrappers", ("wrapper",)),
        ("kernels", ("@triton.jit", "kernel function", "kernels")),
    ):
        if any(word in lowered for word in words):
            return part
    return None
