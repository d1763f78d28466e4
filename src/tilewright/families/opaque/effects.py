"""What a launch does to memory, read from its Triton IR: enough to say whether running it twice is harmless."""

from __future__ import annotations

import re

from tilewright.records.launch import Launch, TensorArgument

_NAME = re.compile(r"%[A-Za-z_0-9$.]+")
_ASSIGN = re.compile(r"^\s*(%[^=]+?)\s=\s(.*)$")
_ITERATION = re.compile(r"(%[A-Za-z_0-9$.]+) = (%[A-Za-z_0-9$.]+)")
_POINTER = re.compile(r"(%[A-Za-z_0-9$.]+): !tt\.(?:ptr|tensordesc)")


def rerun_hazard(launch: Launch) -> str | None:
    """Why an autotuner must not run this launch several times on the same tensors; ``None`` where it may.

    A kernel whose loads never read what its stores write gives the same result however often it runs.
    """
    text = launch.generic_ttir or launch.ttir
    if not text:
        return "it has no Triton IR to read its effects from"
    for sign, reason in (
        ("tt.atomic", "it updates memory atomically: each trial run would add again"),
        ("tt.call", "it calls a function that is not inlined, whose effects are not read"),
        ("make_tensor_descriptor", "it goes through tensor descriptors that it makes, whose effects are not read"),
        ("descriptor_reduce", "it updates memory atomically: each trial run would add again"),
        ("descriptor_scatter", "it scatters through tensor descriptors, whose effects are not read"),
        ("descriptor_gather", "it gathers through tensor descriptors, whose effects are not read"),
        ("inline_asm", "it holds inline assembly, whose effects are not read"),
    ):
        if sign in text:
            return reason
    loaded = _roots(text, "tt.load", "tt.descriptor_load")
    stored = _roots(text, "tt.store", "tt.descriptor_store")
    if loaded is None or stored is None:
        return "the tensor behind one of its pointers cannot be told"
    tensors = {
        argument.parameter: argument.origin for argument in launch.arguments if isinstance(argument, TensorArgument)
    }
    read = loaded | {tensors[name] for name in loaded if name in tensors}
    written = stored | {tensors[name] for name in stored if name in tensors}
    both = sorted(stored & loaded) or sorted(read & written)
    return f"it reads what it writes ({both[0]}): a trial run would change its own input" if both else None


def _roots(text: str, *operations: str) -> set[str] | None:
    """Parameters that the pointers and descriptors of ``operations`` come from; ``None`` where one is from nowhere."""
    sources, parameters = _sources(text)
    found: set[str] = set()
    for line in text.splitlines():
        match = re.search(rf"\b(?:{'|'.join(map(re.escape, operations))}) (%[A-Za-z_0-9$.]+)", line)
        if match is None:
            continue
        roots = _closure(match[1], sources) & parameters
        if not roots:
            return None
        found |= {root.removeprefix("%") for root in roots}
    return found


def _sources(text: str) -> tuple[dict[str, set[str]], set[str]]:
    """For each value the values it is computed from, and the parameters that are pointers or descriptors."""
    sources: dict[str, set[str]] = {}
    parameters: set[str] = set()
    for line in text.splitlines():
        body = line.split(" loc(")[0] if "tt.func" not in line else line
        if "tt.func" in body:
            parameters |= set(_POINTER.findall(body))
            continue
        for inner, start in _ITERATION.findall(body):
            sources.setdefault(inner, set()).add(start)
        match = _ASSIGN.match(body)
        if match is not None:
            for made in _NAME.findall(match[1]):
                sources.setdefault(made, set()).update(_NAME.findall(match[2]))
    return sources, parameters


def _closure(name: str, sources: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    stack = [name]
    while stack:
        current = stack.pop()
        if current not in seen:
            seen.add(current)
            stack += sources.get(current, set()) | sources.get(current.split("#")[0], set())
    return seen
