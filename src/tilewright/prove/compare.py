"""One call of a candidate against the oracle and the original: arrays in, Checks out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tilewright.prove import budget, inputs
from tilewright.prove.halves import LARGEST, Array
from tilewright.prove.plan import LONG, Planned
from tilewright.prove.planted import OTHERWISE, Planted
from tilewright.prove.results import Leaf, Result
from tilewright.prove.scan import Memo
from tilewright.prove.session import Generated, Values
from tilewright.records.verdict import Check

_WRONG = {"f64": 0.02, "f32": 0.02, "f16": 0.1, "bf16": 0.2}
"""Relative Frobenius error from which the original itself counts as wrong, on values without cancellation."""
_LARGEST_COPIED = 1 << 20
"""Elements of an output up to which it is held against copies of the inputs too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Of one output: its oracle, original and moved oracle as they are measured."""

    keep: Array | None
    moved: Array | None
    memo: Memo = field(default_factory=Memo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What one planned call is compared with."""

    planned: Planned
    values: Values | Generated
    oracle: Result
    moved_oracle: Result | None
    original: Result | None
    """``None`` where the original does not run at this dtype."""
    output_dtypes: Mapping[str, str] = field(default_factory=dict)
    """Dtype that each output is to have."""
    planted: Planted | None = None
    """What NaN and Inf among the inputs lead to; ``None`` where there are none, or nobody knows."""
    known: dict[tuple[str, str], _Known] = field(default_factory=dict, repr=False, compare=False)
    """What the comparison of each output, by its dtype, needs, and no candidate changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A Check, with what the verdict needs to know about it."""

    check: Check
    output: str
    vacuous: bool = False
    measure: str = ""
    """Which of the budget's measures it is, if any."""
    role: str = ""
    """Which of a candidate's calls it is of."""


def original_is_wrong(baseline: Baseline) -> str:
    """Why the original cannot be held up as an example in this call, or an empty string."""
    original, oracle = baseline.original, baseline.oracle
    if original is None:
        return ""
    if not original.ran:
        return f"the original does not run ({original.kind}: {original.error})"
    for name, truth in oracle.outputs.items():
        leaf = original.outputs.get(name)
        if leaf is None or (leaf.values is None) != (truth.values is None):
            return f"the original has no {name} like the oracle's"
        if leaf.values is None or truth.values is None:
            continue
        if leaf.values.shape != truth.values.shape:
            return f"the original's {name} has shape {leaf.values.shape}, the oracle's {truth.values.shape}"
        if leaf.unwritten:
            return f"the original leaves {leaf.unwritten} elements of {name} unwritten"
        easy = baseline.planned.distribution in (inputs.NORMAL, inputs.SECOND, inputs.UNIFORM)
        if easy and truth.values.dtype.kind == "f" and leaf.values.dtype.kind == "f":
            error = budget.relative_error(leaf.values, truth.values, _kept(truth.values, None, leaf.dtype))
            if not error <= _WRONG.get(leaf.dtype, 0.02):
                return f"the original is off by {error:.2g} (relative Frobenius error)"
    return ""


def compare(baseline: Baseline, candidate: Result, precision: str) -> list[Judged]:
    """All checks of one call."""
    comparison = _Comparison(baseline, candidate, precision)
    if not candidate.ran:
        place = f" at line {candidate.line}" if candidate.line else ""
        return [comparison.fact("runs", "", f"{_KINDS[candidate.kind]}{place}: {candidate.error}", np.inf)]
    return [*comparison.outputs(), *comparison.effects()]


_KINDS = {
    "raised": "raises",
    "crashed": "crashes",
    "out_of_memory": "runs out of memory",
    "timed_out": "does not end",
    "not_run": "was not run",
}


class _Comparison:
    def __init__(self, baseline: Baseline, candidate: Result, precision: str) -> None:
        self.baseline, self.candidate, self.precision = baseline, candidate, precision
        self.planned = baseline.planned

    def fact(self, name: str, output: str, detail: str, error: float) -> Judged:
        """A check that holds (error 0) or not."""
        specs = [spec for spec in self.planned.problem.inputs if spec.dtype != "python"]
        check = Check(
            name=name,
            dtype=LONG.get(self.planned.dtype, self.planned.dtype),
            shapes=tuple(spec.shape for spec in specs),
            distribution=self.planned.distribution,
            error=float(error),
            bound=0.0,
            original_error=None,
            passed=error == 0,
            detail=detail,
        )
        return Judged(check=check, output=output)

    def outputs(self) -> list[Judged]:
        truth = self.baseline.oracle.outputs
        judged: list[Judged] = []
        names = list(truth)
        if list(self.candidate.outputs) != names:
            found = ", ".join(self.candidate.outputs) or "nothing"
            return [self.fact("outputs", "", f"returns {found} where the original returns {', '.join(names)}", np.inf)]
        for name in names:
            original = None if self.baseline.original is None else self.baseline.original.outputs.get(name)
            moved = None if self.baseline.moved_oracle is None else self.baseline.moved_oracle.outputs.get(name)
            judged += self.leaf(name, self.candidate.outputs[name], truth[name], original, moved)
        return judged

    def leaf(self, name: str, own: Leaf, truth: Leaf, original: Leaf | None, moved: Leaf | None) -> list[Judged]:
        """Compare one output, or one tensor that the call changed."""
        if own.values is None or truth.values is None:
            expected = (original or truth).text
            same = own.values is None and truth.values is None and own.text == expected
            what = own.text or own.dtype
            return [
                self.fact("value", name, "" if same else f"{name} is {what}, not {expected}", 0.0 if same else np.inf)
            ]
        if own.shape != truth.shape or own.values.shape != truth.values.shape:
            return [self.fact("shape", name, f"{name} has shape {own.shape}, not {truth.shape}", np.inf)]
        if original is not None and own.device != original.device:
            return [self.fact("device", name, f"{name} lies on {own.device}, not on {original.device}", np.inf)]
        expected_dtype = self.baseline.output_dtypes.get(name, own.dtype)
        if own.dtype != expected_dtype:
            return [self.fact("dtype", name, f"{name} is {own.dtype}, not {expected_dtype}", np.inf)]
        if own.unwritten and not (original and original.unwritten):
            return [self.fact("written", name, f"{own.unwritten} elements of {name} are never written", own.unwritten)]
        if not own.contiguous and self._must_be_contiguous(original or truth):
            words = "the original's" if original else "the reference's"
            return [self.fact("strides", name, f"{name} is not contiguous, {words} is", 1)]
        if own.values.dtype.kind != "f" or truth.values.dtype.kind != "f":
            return [self._exact(name, own, original or truth)]
        return self._floats(name, own, truth, original, moved)

    def _must_be_contiguous(self, example: Leaf) -> bool:
        """Whether a caller may count on a contiguous result, as ``.view()`` does.

        The oracle sees contiguous inputs always, so it is no example of what comes of others.
        """
        inputs_are = all(spec.strides is None for spec in self.planned.problem.inputs)
        return example.contiguous and (inputs_are or self.baseline.original is not None)

    def _exact(self, name: str, own: Leaf, truth: Leaf) -> Judged:
        """Integers and truth values are equal or wrong: of several places of one maximum, the original's counts."""
        assert own.values is not None
        assert truth.values is not None
        differs = own.values != truth.values
        count = int(np.count_nonzero(differs))
        detail = ""
        if count:
            place = _first(differs)
            first = f"{own.values[place]}, not {truth.values[place]}"
            detail = f"{count} elements of {name} differ, first at {list(place)}: {first}"
        judged = self.fact("equal", name, detail, count)
        constant = truth.values.size < 2 or bool((truth.values == truth.values.reshape(-1)[0]).all())
        return replace(judged, vacuous=constant)

    def _floats(self, name: str, own: Leaf, truth: Leaf, original: Leaf | None, moved: Leaf | None) -> list[Judged]:
        assert own.values is not None
        assert truth.values is not None
        before = None if original is None else original.values
        judged: list[Judged] = []
        if before is not None and before.dtype.kind == "f" and self.precision != "tolerance":
            judged += self._positions(name, own, before, truth.values)
        if self.planned.distribution == inputs.NON_FINITE or any(not j.check.passed for j in judged):
            return judged
        known = self.baseline.known.get((name, own.dtype))
        if known is None:
            known = _Known(keep=_kept(truth.values, before, own.dtype), moved=_moved(moved, truth.values))
            self.baseline.known[name, own.dtype] = known
        keep = known.keep
        if not _all_finite(own.values):
            lost = ~np.isfinite(own.values)
            lost = lost if keep is None else lost & keep
            if lost.any():
                place, count = _first(lost), int(np.count_nonzero(lost))
                detail = f"{count} elements of {name} are not finite, first at {list(place)}: {own.values[place]}"
                return [*judged, self.fact("finite", name, detail, count)]
        copies = self._copies(truth.values, own.dtype, keep)
        for measured in budget.measure(
            own.values,
            truth.values,
            before,
            known.moved,
            dtype=own.dtype,
            precision=self.precision,
            longest=self.planned.longest,
            moved_by=inputs.PERTURBATION,
            keep=keep,
            repeated=self.planned.distribution in inputs.REPEATED,
            memo=known.memo,
        ):
            judged.append(self._measured(name, measured, own.values, truth.values, copies))
        return judged

    def _copies(self, truth: Array, dtype: str, keep: Array | None) -> dict[str, float]:
        """Inputs of the output's shape, with the error that a copy of each would have."""
        if truth.size > _LARGEST_COPIED or isinstance(self.baseline.values, Generated):
            return {}
        return {
            f"input {index}": budget.relative_error(value, truth, keep)
            for index, value in enumerate(self.baseline.values)
            if isinstance(value, np.ndarray)
            and value.dtype.kind == "f"
            and value.shape == truth.shape
            and np.isfinite(value).all()
        }

    def _positions(self, name: str, leaf: Leaf, before: Array, truth: Array) -> list[Judged]:
        """NaN and Inf stand where the original has them (where it has none unless the truth is near overflow)."""
        own = leaf.values
        assert own is not None
        clear = np.ones(own.shape, dtype=bool)
        if self.planned.distribution != inputs.NON_FINITE:
            if _all_finite(before) and _all_finite(own):
                return []
            clear = ~np.isfinite(truth)
        differs = clear & ((np.isnan(own) != np.isnan(before)) | (np.isinf(own) != np.isinf(before)))
        differs |= clear & np.isinf(own) & np.isinf(before) & (own != before)
        detail, planted = "", self.baseline.planted
        if planted is not None and differs.any():
            longest = self.planned.longest
            excused = planted.excused(name, leaf, before, precision=self.precision, longest=longest)
            if excused is not None and (excused := excused & differs).any():
                differs &= ~excused
                detail = f"{int(excused.sum())} elements of {name} otherwise, where {OTHERWISE}"
        count = int(np.count_nonzero(differs))
        if count:
            place = _first(differs)
            detail = f"{name}{list(place)} is {own[place]}, the original's is {before[place]}; {count} such elements"
        return [replace(self.fact("NaN and Inf positions", name, detail, count), vacuous=True)]

    def _measured(
        self, name: str, measured: budget.Measured, own: Array, truth: Array, copies: Mapping[str, float]
    ) -> Judged:
        judged = self.fact(f"{name}: {measured.measure}", name, "", 0.0)
        detail = "" if self.baseline.original is not None else "original does not run"
        detail = "; ".join(filter(None, (detail, measured.note)))
        if not measured.passed and own.size:
            place = measured.worst_index
            worst = f"{name}{list(place)} is {own[place]:.6g}, exactly {truth[place]:.6g}"
            detail = "; ".join(filter(None, (detail, worst)))
        if measured.vacuous:
            detail = "; ".join(filter(None, (detail, measured.vacuous)))
        elif measured.measure == budget.FROBENIUS:
            # said, and no more: there are functions that do return what they are given
            passing = [f"a copy of {which} would pass" for which, error in copies.items() if error <= measured.bound]
            detail = "; ".join(filter(None, (detail, *passing)))
        check = replace(
            judged.check,
            error=measured.error,
            bound=measured.bound,
            original_error=measured.original_error,
            passed=measured.passed,
            detail=detail,
        )
        return Judged(check=check, output=name, vacuous=bool(measured.vacuous), measure=measured.measure)

    def effects(self) -> list[Judged]:
        """What the call did to its inputs and to the model's state, beside what it returned."""
        original = self.baseline.original or self.baseline.oracle
        judged: list[Judged] = []
        for name, own in self.candidate.inputs.items():
            index = int(name.rpartition(" ")[2])
            given = None if isinstance(self.baseline.values, Generated) else self.baseline.values[index]
            before = original.inputs.get(name)
            if own.values is None or before is None or before.values is None or not isinstance(given, np.ndarray):
                continue
            if _same_values(before.values, given):
                changed = 0 if own.values is given else int(np.count_nonzero(_unequal(own.values, given)))
                judged.append(self.fact("input kept", "", f"{name} is changed by the call" if changed else "", changed))
            else:
                judged += self._effect(name, own, before, "inputs")
        for name, own in self.candidate.state.items():
            before = original.state.get(name)
            if before is None or own.values is None or before.values is None or before.dtype != own.dtype:
                continue
            if not _same_values(own.values, before.values):
                judged += self._effect(name, own, before, "state")
        return judged

    def _effect(self, name: str, own: Leaf, before: Leaf, kind: str) -> list[Judged]:
        """Compare a tensor of ``kind`` (``inputs``, ``state``) that the original's call changes."""
        oracle, moved = self.baseline.oracle, self.baseline.moved_oracle
        truth: Leaf | None = getattr(oracle, kind).get(name)
        shape = None if before.values is None else before.values.shape
        if truth is None or truth.values is None or truth.values.shape != shape:
            truth = before
        original = before if self.baseline.original is not None else None
        return self.leaf(
            f"{name} afterwards", own, truth, original, None if moved is None else getattr(moved, kind).get(name)
        )


def _comparable(truth: Array, dtype: str) -> Array:
    """Elements that are finite in the truth and well inside the range of ``dtype``."""
    return np.asarray(np.isfinite(truth) & (np.abs(truth) < 0.99 * LARGEST.get(dtype, np.inf)))


def _kept(truth: Array, original: Array | None, dtype: str) -> Array | None:
    """Elements to measure, or ``None`` for all of them, which is the usual case and costs two passes."""
    limit = 0.99 * LARGEST.get(dtype, np.inf)
    if (
        truth.size
        and -limit < float(np.min(truth)) <= float(np.max(truth)) < limit
        and (original is None or _all_finite(original))
    ):
        return None
    keep = _comparable(truth, dtype)
    return keep if original is None else np.asarray(keep & np.isfinite(original))


def _moved(moved: Leaf | None, truth: Array) -> Array | None:
    """The moved oracle's values, with the oracle's own where they are not finite."""
    values = None if moved is None else moved.values
    if values is None or values.shape != truth.shape:
        return None
    return values if _all_finite(values) else np.where(np.isfinite(values), values, truth)


def _all_finite(values: Array) -> bool:
    """Without an array of the size of ``values``."""
    return not values.size or bool(np.isfinite(np.min(values)) and np.isfinite(np.max(values)))


def _first(mask: Array) -> tuple[int, ...]:
    """Index of the first element that is true."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape)) if mask.shape else ()


def _unequal(one: Array, other: Array) -> Array:
    if one.shape != other.shape:
        return np.ones(one.shape, dtype=bool)
    if one.dtype.kind == "f":
        return np.asarray((one != other) & ~(np.isnan(one) & np.isnan(other)))
    return np.asarray(one != other)


def _same_values(one: Array, other: Array) -> bool:
    return one is other or (one.shape == other.shape and not bool(_unequal(one, other).any()))
