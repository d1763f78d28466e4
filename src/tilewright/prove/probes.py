"""Checks on how a candidate comes to its answer, beside what the answer is: parent side.

Each takes what the worker sent for one or two calls and says what follows. Arrays are compared bit by bit here; what a
worker only tells (which kernels ran, what was patched) is read by :mod:`tilewright.prove.structure.judge`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from tilewright.prove.compare import Baseline, Judged, compare
from tilewright.prove.halves import Array
from tilewright.prove.plan import LONG, Planned
from tilewright.prove.results import Leaf, Result
from tilewright.prove.structure import judge
from tilewright.records.verdict import Check

ATOMICS = "results differ from run to run in the last bits, as atomic additions in no fixed order make them"


CIRCUMSTANTIAL = ("kernels ran", "torch compute", "patched", "threads", "streams", "tensor type", "system access")
"""Checks that say how an answer came about, and nothing about whether it is right."""


def fact(planned: Planned, name: str, detail: str, error: float) -> Judged:
    """A check that holds (error 0) or not, of one call."""
    specs = [spec for spec in planned.problem.inputs if spec.dtype != "python"]
    check = Check(
        name=name,
        dtype=LONG.get(planned.dtype, planned.dtype),
        shapes=tuple(spec.shape for spec in specs),
        distribution=planned.distribution,
        error=float(error),
        bound=0.0,
        original_error=None,
        passed=error == 0,
        detail=detail,
    )
    return Judged(check=check, output="")


def structure(
    planned: Planned, result: Result, allowed_ops: Collection[str], *, may_fall_back: bool = False
) -> Iterator[Judged]:
    """What the call did beside computing."""
    largest = max((math.prod(s.shape) for s in planned.problem.inputs if s.dtype != "python"), default=0)
    facts = judge.structure_facts(
        result.seen, input_elements=largest, allowed_ops=allowed_ops, may_fall_back=may_fall_back
    )
    for found in (*facts, judge.tensor_fact(result.odd)):
        yield fact(planned, found.name, found.detail, 0.0 if found.passed else math.inf)


def memory(planned: Planned, result: Result, original: Result | None) -> Iterator[Judged]:
    """What the call did to memory that is not its outputs', where the worker alone could see it."""
    found = ("nobody looked",) if result.overwritten is None else result.overwritten
    yield fact(planned, "redzones", "; ".join(found[:3]), len(found))
    if not planned.generated:
        return
    for index, spec in enumerate(planned.problem.inputs):
        name = f"input {index}"
        if spec.dtype == "python" or (original is not None and original.changed.get(name)):
            continue
        count = result.changed.get(name, math.inf)
        yield fact(planned, "input kept", f"{name} is changed by the call" if count else "", count)


def missing_state(
    planned: Planned, result: Result, original: Result | None, before: Mapping[str, Array]
) -> Iterator[Judged]:
    """Parameters and buffers that the original's call changes, and the candidate does not have."""
    for name, leaf in (original.state if original is not None else {}).items():
        given = before.get(name.removeprefix("state "))
        if given is None or leaf.values is None or name in result.state or leaf.values.shape != given.shape:
            continue
        if not np.array_equal(leaf.values.astype(np.float64), given.astype(np.float64), equal_nan=True):
            yield fact(planned, f"{name} afterwards", f"the original's call changes it; the file has no {name}", 1.0)


def repeated(planned: Planned, first: Result, again: Result) -> tuple[Judged | None, str]:
    """Two runs on the same values: the same bits, unless atomics add in no fixed order; and what to note."""
    if not again.ran:
        return fact(planned, "bits repeat", f"the second run on the same values {again.kind}: {again.error}", 1.0), ""
    differing = [name for name, leaf in first.outputs.items() if not _same(leaf, again.outputs.get(name))]
    if not differing:
        return fact(planned, "bits repeat", "", 0.0), ""
    if judge.uses_atomics(first.seen):
        return None, ATOMICS
    name = differing[0]
    one, other = first.outputs[name].values, None if again.outputs.get(name) is None else again.outputs[name].values
    place = ""
    if one is not None and other is not None and one.shape == other.shape:
        at = tuple(int(i) for i in np.argwhere(_bits(one) != _bits(other))[0])
        place = f", first at {list(at)}: {one[at]:.9g}, then {other[at]:.9g}"
    return fact(planned, "bits repeat", f"{name} differs between two runs on the same values{place}", 1.0), ""


def kept(planned: Planned, first: Result, second: Result, before: tuple[Result, Result] | None) -> Judged | None:
    """The first call's outputs after the second call; ``before`` are the original's two, which may reuse memory."""
    changed = [name for name, leaf in first.outputs.items() if not _same(leaf, second.kept.get(name))]
    if not changed:
        return fact(planned, "earlier output kept", "", 0.0)
    if before is not None:
        one, two = before
        own = [name for name, leaf in one.outputs.items() if not _same(leaf, two.kept.get(name))]
        changed = [name for name in changed if name not in own]
        if not changed:
            return None
    return fact(planned, "earlier output kept", f"a second call overwrites {changed[0]} of the first", 1.0)


def stale(planned: Planned, first: Result, second: Result) -> Judged:
    """A wrong second call: is it the first one's answer?"""
    same = bool(first.outputs) and all(_same(leaf, second.outputs.get(name)) for name, leaf in first.outputs.items())
    detail = (
        "a call with the tensors of the call before, other values in them, gives that call's answer" if same else ""
    )
    return fact(planned, "stale result", detail, 1.0 if same else 0.0)


def without_kernels(base: Baseline, usual: Result, idle: Result, precision: str, *, same_values: bool) -> Judged:
    """A call whose kernels did nothing must not give the answer.

    Args:
        base: the call.
        usual: the candidate's own call on other values, or on the same ones.
        idle: the call with idle kernels.
        precision: as of the proof.
        same_values: whether ``usual`` was given the same values, so that a stored answer would be right.
    """
    name = "cached result" if same_values else "kernels matter"
    if not idle.ran:
        return fact(base.planned, name, "", 0.0)
    if same_values:
        effects = {**usual.outputs, **usual.inputs, **usual.state}
        after = {**idle.outputs, **idle.inputs, **idle.state}
        right = bool(effects) and all(_same(leaf, after.get(key)) for key, leaf in effects.items())
    else:
        judged = compare(base, idle, precision)
        right = bool(judged) and all(item.check.passed for item in judged) and not all(item.vacuous for item in judged)
    detail = ""
    if right and same_values:
        detail = "with kernels that do nothing, a call on values seen before still gives the answer: it was stored"
    elif right:
        detail = "with kernels that do nothing the answer is still right: something else computes it"
    return fact(base.planned, name, detail, 1.0 if right else 0.0)


def _same(one: Leaf, other: Leaf | None) -> bool:
    if other is None or one.text != other.text or (one.values is None) != (other.values is None):
        return False
    if one.values is None or other.values is None:
        return True
    if one.values.shape != other.values.shape or one.values.dtype != other.values.dtype:
        return False
    return bool((_bits(one.values) == _bits(other.values)).all())


def _bits(values: Array) -> Array:
    """Bit patterns, so that NaN equals itself and 0 differs from -0."""
    if values.dtype.kind != "f":
        return values
    kinds = {2: np.uint16, 4: np.uint32, 8: np.uint64}
    return np.ascontiguousarray(values).view(kinds[values.itemsize]).reshape(values.shape)
