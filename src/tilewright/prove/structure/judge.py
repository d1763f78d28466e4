"""What the probes beside a call, and the text of a file, say about where the work is done: parent side.

Policy on PyTorch's share of the work. A candidate is a kernel file, so the kernels of the file have to do the work.

* An operator that the user's own original calls as well is legitimate.
* Allocation, views, casts, copies, random masks and plain arithmetic (``+ - * /``, comparisons, ``where``, ``abs``,
  ``sqrt``, minimum and maximum of two, gathering and joining) are legitimate at any size: finishing touches such as
  ``mean = sum / n``, a bias or a residual.
* Everything else (products, convolutions, attention, softmax, norms, activations, scans, sorts, reductions, operators
  that are not known, data taken to the host) is legitimate only where it is small: its operands, added up over the
  call, hold less than a quarter of the elements of the largest forward input, or at most 256 elements.
* A reduction of memory that the call allocated and a kernel filled may be of any size if it makes at most 64 elements
  into one: the second stage of split-K and of split reductions.

The dictionaries come from the candidate's own process. What does not have the expected form is refused.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tilewright import lint
from tilewright.errors import SourceError
from tilewright.records.finding import Finding, Severity
from tilewright.records.source import KernelSource

SMALL_SHARE = 0.25
"""Share of the largest forward input below which any operator is legitimate."""
SMALL_ELEMENTS = 256
"""Elements up to which any operator is legitimate, since test problems are small."""
WORKSPACE_FACTOR = 64
"""How many elements of a kernel's result PyTorch may reduce to one."""

_LIGHT = frozenset(
    {"add", "sub", "rsub", "mul", "div", "neg", "abs", "sqrt", "rsqrt", "reciprocal", "square", "maximum", "minimum"}
    | {"where", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "logical_xor"}
    | {"bitwise_and", "bitwise_or", "bitwise_not", "bitwise_xor", "__and__", "__or__", "__lshift__", "__rshift__"}
    | {"bitwise_left_shift", "bitwise_right_shift", "remainder", "fmod", "floor", "ceil", "round", "trunc", "sign"}
    | {"floor_divide", "clamp", "clamp_min", "clamp_max", "addcmul", "addcdiv", "lerp", "isnan", "isinf", "isfinite"}
    | {"cat", "stack", "index_select", "gather", "index", "flip", "roll", "repeat", "constant_pad_nd", "pad", "tril"}
    | {"triu", "masked_fill", "equal", "is_nonzero", "nan_to_num", "view_as_complex", "view_as_real", "unbind_copy"}
    | {"split_with_sizes_copy", "repeat_interleave", "expand_copy", "permute_copy", "index_put", "_index_put_impl"}
    | {
        "masked_select",
        "nonzero",
        "complex",
        "real",
        "imag",
        "narrow_copy",
        "slice_copy",
        "select_copy",
        "slice_scatter",
    }
)
_REDUCTIONS = frozenset(
    {"sum", "mean", "amax", "amin", "max", "min", "prod", "any", "all", "logsumexp", "var", "std", "var_mean", "nansum"}
)
_RULES = ("TW106", "TW8")
"""Prefixes of the lint rules on cheating; other rules are about faults and speed."""
_HELD_BY_ORIGINAL = frozenset({"TW106", "TW803", "TW810"})
"""Rules of which a finding that the original has word for word does not count: it changes both alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing found out about a candidate. ``name`` is that of the check it becomes."""

    name: str
    passed: bool
    detail: str = ""


def structure_facts(
    seen: object, *, input_elements: int, allowed_ops: Collection[str] = (), may_fall_back: bool = False
) -> list[Fact]:
    """Draw conclusions from what :meth:`tilewright.prove.structure.watch.Watch.seen` told of an ordinary call.

    Args:
        seen: the dictionary as it came from the worker; trusted in nothing.
        input_elements: elements of the largest input of that call, a number the parent knows by itself.
        allowed_ops: operators (``aten::mm``) that the user's own original was seen to call.
        may_fall_back: the user's own original launches no kernel in this call: it leaves that to PyTorch.

    Returns:
        Six facts in fixed order: ``kernels ran``, ``torch compute``, ``patched``, ``threads``, ``streams`` and
        ``tensor type``; and ``system access`` where the candidate opened files, looked at frames and the like.
    """
    table: Mapping[str, Any] = seen if isinstance(seen, dict) else {}
    ran = _kernels_ran(table)
    if may_fall_back and not launched(seen) and isinstance(table.get("launches"), list):
        ran = Fact(name=ran.name, passed=True, detail="neither original nor candidate launches a kernel in this call")
    facts = [
        ran,
        _torch_compute(table, input_elements, frozenset(allowed_ops)),
        _names_fact("patched", table.get("patched"), "replaced: "),
        _threads(table),
        _streams(table),
        _names_fact("tensor type", table.get("subclass"), "the file defines subclasses of torch.Tensor: "),
    ]
    access = _system_access(table)
    return facts if access is None else [*facts, access]


def launched(seen: object) -> bool:
    """Tell whether any kernel was seen to be launched; so it is where ``seen`` is not of the expected form."""
    launches = seen.get("launches") if isinstance(seen, dict) else None
    if not isinstance(launches, list):
        return True
    return any(not isinstance(entry, dict) or entry.get("count") != 0 for entry in launches)


def torch_ops(seen: object) -> frozenset[str]:
    """Return the operators of a call, for ``allowed_ops``; empty where ``seen`` is not of the expected form."""
    entries = seen.get("torch_ops") if isinstance(seen, dict) else None
    return frozenset(entry["op"] for entry in entries or () if _operation(entry) is not None)


def tensor_fact(odd: object) -> Fact:
    """Conclude from what ``odd_tensors`` told of the outputs."""
    return _names_fact("tensor type", odd, "")


def uses_atomics(seen: object) -> bool:
    """Tell whether a launched kernel was seen to use atomics, so that bits may differ from run to run."""
    return isinstance(seen, dict) and seen.get("atomics") is True


def static_facts(source: KernelSource, original: KernelSource | None = None) -> list[Fact]:
    """Run the lint rules on cheating over a file; suppressing comments in it count for nothing.

    A finding that the original has word for word is not held against the candidate where it changes both alike: a
    foreign import, a global switch of PyTorch. It is where it lets the candidate alone differ from call to call:
    caches, fallbacks, threads, files.

    Returns:
        One failed fact ``lint`` for each finding, or a single one that passed.
    """
    try:
        findings = _findings(source)
    except SourceError as error:
        return [Fact(name="lint", passed=False, detail=str(error))]
    held: set[tuple[str, str]] = set()
    if original is not None:
        held = {(item.code, item.message) for item in _findings_or_none(original) if item.code in _HELD_BY_ORIGINAL}
    counted = [item for item in findings if (item.code, item.message) not in held]
    facts = [
        Fact(name="lint", passed=False, detail=f"{item.code} at line {item.line}: {item.message}") for item in counted
    ]
    return facts or [Fact(name="lint", passed=True)]


def _findings(source: KernelSource) -> tuple[Finding, ...]:
    found = lint.check(source, select=_RULES, honour_suppressions=False)
    return tuple(item for item in found if item.severity is Severity.ERROR)


def _findings_or_none(source: KernelSource) -> tuple[Finding, ...]:
    try:
        return _findings(source)
    except SourceError:
        return ()


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 62 else None


def _word(value: object) -> str | None:
    """Return a short printable string, or ``None``."""
    return value if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable() else None


def _words(value: object) -> list[str] | None:
    if not isinstance(value, list) or len(value) > 10_000:
        return None
    words = [_word(item) for item in value]
    return [word for word in words if word is not None] if None not in words else None


def _unreadable(name: str) -> Fact:
    return Fact(name=name, passed=False, detail="the worker did not report this in a form that can be read")


def _listed(words: Collection[str]) -> str:
    shown = list(words)[:3]
    return ", ".join(shown) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def _kernels_ran(table: Mapping[str, Any]) -> Fact:
    name, launches = "kernels ran", table.get("launches")
    if not isinstance(launches, list):
        return _unreadable(name)
    own, foreign = 0, []
    for entry in launches:
        told = entry if isinstance(entry, dict) else {}
        kernel, count = _word(told.get("kernel")), _count(told.get("count"))
        if kernel is None or count is None or type(told.get("own")) is not bool:
            return _unreadable(name)
        if told["own"]:
            own += count
        elif count:
            foreign.append(kernel)
    if foreign:
        return Fact(name=name, passed=False, detail=f"a kernel of another file was launched: {_listed(foreign)}")
    if not own:
        return Fact(name=name, passed=False, detail="no kernel of the file was launched")
    return Fact(name=name, passed=True, detail=f"{own} launches")


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    total: int
    factor: int
    workspace: bool

    @property
    def base(self) -> str:
        """The operator's own name; ``add_`` is ``add``."""
        space, _, base = self.name.partition("::")
        if space != "aten":
            return self.name
        return base if base.startswith("__") else base.removesuffix("_")


def _operation(entry: object) -> _Operation | None:
    told = entry if isinstance(entry, dict) else {}
    name, total, largest = _word(told.get("op")), _count(told.get("total")), _count(told.get("elements"))
    factor, workspace = _count(told.get("factor")), told.get("workspace")
    if name is None or total is None or largest is None or factor is None or type(workspace) is not bool:
        return None
    return _Operation(name, max(total, largest), factor, workspace)


def _torch_compute(table: Mapping[str, Any], input_elements: int, allowed: frozenset[str]) -> Fact:
    name, entries = "torch compute", table.get("torch_ops")
    if not isinstance(entries, list):
        return _unreadable(name)
    small = max(SMALL_ELEMENTS, math.ceil(SMALL_SHARE * input_elements) - 1)
    heavy: list[_Operation] = []
    for entry in entries:
        operation = _operation(entry)
        if operation is None:
            return _unreadable(name)
        if operation.name not in allowed and not _is_light(operation):
            heavy.append(operation)
    # many small pieces make a large whole
    large = [item for item in heavy if item.total > small]
    if not large and sum(item.total for item in heavy) > 2 * small:
        large = heavy
    if not large:
        return Fact(name=name, passed=True)
    words = [f"{item.name} on {item.total} elements" for item in sorted(large, key=lambda item: -item.total)]
    return Fact(
        name=name,
        passed=False,
        detail=f"PyTorch does work that belongs in a kernel: {_listed(words)} (the largest input has {input_elements})",
    )


def _is_light(operation: _Operation) -> bool:
    if operation.base in _REDUCTIONS:
        return operation.workspace and operation.factor <= WORKSPACE_FACTOR
    return operation.base in _LIGHT


def _names_fact(name: str, told: object, prefix: str) -> Fact:
    words = _words(told)
    if words is None:
        return _unreadable(name)
    return Fact(name=name, passed=not words, detail=prefix + _listed(words) if words else "")


def _threads(table: Mapping[str, Any]) -> Fact:
    threads, processes = _count(table.get("threads")), _count(table.get("processes"))
    if threads is None or processes is None:
        return _unreadable("threads")
    if threads or processes:
        return Fact(name="threads", passed=False, detail=f"started {threads} threads and {processes} processes")
    return Fact(name="threads", passed=True)


def _streams(table: Mapping[str, Any]) -> Fact:
    count, names = _count(table.get("streams")), _words(table.get("stream_names"))
    if count is None or names is None:
        return _unreadable("streams")
    return Fact(name="streams", passed=not count and not names, detail=_listed(names) if names else "")


def _system_access(table: Mapping[str, Any]) -> Fact | None:
    events = table.get("events")
    words = _words(list(events)) if isinstance(events, dict) else None
    if words is None:
        return _unreadable("system access")
    # threads and processes have a fact of their own
    words = [word for word in words if word != "_thread.start_new_thread"]
    return Fact(name="system access", passed=False, detail=_listed(words)) if words else None
