"""Where NaN and Inf must stand: found out by running the original with other values in their places. Parent side.

What a NaN among the inputs reaches, must be NaN; but 0 * NaN is NaN too where a file that skips the zero has a number,
and inf - inf is NaN where another order of summation has Inf. Which is which no array tells; the original does, on the
same problem with the planted values replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tilewright.prove import budget
from tilewright.prove.halves import LARGEST, Array, round_to
from tilewright.prove.inputs import PERTURBATION, Value, expanded
from tilewright.prove.plan import Planned
from tilewright.prove.results import Leaf, Result
from tilewright.prove.scan import Memo
from tilewright.prove.session import Values

FILLED = ("filled", "filled_high", "filled_low")
"""Finite values for every NaN and Inf: ordinary ones; and ones that no maximum, minimum, bound or rectifier hides, of
the other sign in the last."""
INF_KEPT, NAN_KEPT = "inf_kept", "nan_kept"
"""Ordinary values for every NaN, or for every Inf, alone."""
OTHERWISE = "the original has NaN or Inf by arithmetic on what does not matter, or in its own order"
TAGS = (*FILLED, INF_KEPT, NAN_KEPT)


def calls(planned: Planned, values: Values, seed: int) -> list[tuple[Planned, Values]]:
    """The calls of the original that tell what the NaN and Inf in ``values`` lead to."""
    each = [
        _replacements(value, seed + index) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else {}
        for index, value in enumerate(values)
    ]
    found: list[tuple[Planned, Values]] = []
    for tag in TAGS:
        filled: list[Value] = []
        for value, others, spec, dtype in zip(values, each, planned.problem.inputs, planned.dtypes, strict=True):
            # a place that several elements share has one value
            filled.append(expanded(round_to(others[tag], dtype), spec) if others else value)
        found.append((replace(planned, name=f"{planned.name}_{tag}"), filled))
    return found


def is_oracles(call: Planned) -> bool:
    """Whether the oracle is to make this one of :func:`calls` as well."""
    return call.name.endswith(f"_{FILLED[0]}")


def _replacements(value: Array, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng([seed, 0x66696C])
    undefined, infinite = np.isnan(value), np.isinf(value)
    lost = undefined | infinite
    most = float(np.max(np.abs(value), where=~lost, initial=1.0))
    signs = rng.choice((-1.0, 1.0), value.shape)
    ordinary = rng.standard_normal(value.shape)
    fillings = (
        ordinary,
        signs * most * rng.uniform(2.0, 3.0, value.shape),
        -signs * most * rng.uniform(3.0, 4.0, value.shape),
    )
    made = {tag: np.where(lost, filling, value) for tag, filling in zip(FILLED, fillings, strict=True)}
    made[INF_KEPT] = np.where(undefined, ordinary, value)
    made[NAN_KEPT] = np.where(infinite, ordinary, value)
    return made


def planted(planned: Planned, originals: Mapping[str, Result], oracle: Mapping[str, Result]) -> Planted | None:
    """What the calls of :func:`calls` showed; ``None`` where not all of them ran, so that nothing is excused."""
    names = {tag: f"{planned.name}_{tag}" for tag in TAGS}
    exact = oracle.get(names[FILLED[0]])
    found = {tag: originals.get(name) for tag, name in names.items()}
    ran = {tag: result for tag, result in found.items() if result is not None and result.ran}
    if exact is None or not exact.ran or len(ran) < len(TAGS):
        return None
    return Planted(
        exact=exact,
        filled=tuple(ran[tag] for tag in FILLED),
        inf_kept=ran[INF_KEPT],
        nan_kept=ran[NAN_KEPT],
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Of one output: where the original's NaN or Inf is no rule."""

    independent: Array
    """It does not depend on what was planted: the number that it is without is as right."""
    undefined: Array
    """It is NaN by arithmetic on Inf, in the original's order: any NaN or Inf is as right."""
    memo: Memo = field(default_factory=Memo)

    @property
    def any(self) -> bool:
        return bool(self.independent.any() or self.undefined.any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """The original's results on one problem, with other values for NaN and Inf."""

    exact: Result
    """The oracle's, on the first filling."""
    filled: tuple[Result, ...]
    inf_kept: Result
    nan_kept: Result
    _known: dict[str, _Places | None] = field(default_factory=dict, repr=False, compare=False)

    def excused(self, name: str, own: Leaf, before: Array, *, precision: str, longest: int) -> Array | None:
        """Elements of ``own`` that are right though NaN and Inf stand elsewhere in the original; ``None`` for none.

        Args:
            name: of the output, or of a tensor that the call changes (``input 0 afterwards``).
            own: the candidate's.
            before: the original's.
            precision: see :func:`tilewright.prove.budget.measure`.
            longest: as well.
        """
        if name not in self._known:
            self._known[name] = self._places(name, before)
        places, values = self._known[name], own.values
        if places is None or values is None or not places.any:
            return None
        numbers = places.independent & np.isfinite(values)
        if numbers.any() and not self._right(name, own, numbers, places.memo, precision, longest):
            numbers = np.zeros_like(numbers)
        return np.asarray(numbers | (places.undefined & ~np.isfinite(values)))

    def _places(self, name: str, before: Array) -> _Places | None:
        results = (*self.filled, self.inf_kept, self.nan_kept)
        found = [_values(result, name) for result in results]
        arrays = [values for values in found if values is not None and values.shape == before.shape]
        if len(arrays) < len(results):
            return None
        first, *others, inf_kept, nan_kept = arrays
        same = np.isfinite(first)
        for other in others:
            same &= first == other
        return _Places(
            independent=same & ~np.isfinite(before),
            undefined=np.isnan(before) & np.isnan(inf_kept) & ~np.isnan(nan_kept),
        )

    def _right(self, name: str, own: Leaf, where: Array, memo: Memo, precision: str, longest: int) -> bool:
        """Whether the numbers at ``where`` are those of the filled problem, within the error budget."""
        truth, original = _values(self.exact, name), _values(self.filled[0], name)
        assert original is not None
        assert own.values is not None
        if truth is None or truth.shape != original.shape:
            return False
        inside = np.isfinite(truth) & (np.abs(truth) < LARGEST.get(own.dtype, np.inf)) & np.isfinite(original)
        measured = budget.measure(
            np.where(where, own.values, original),
            truth,
            original,
            None,
            dtype=own.dtype,
            precision=precision,
            longest=longest,
            moved_by=PERTURBATION,
            keep=inside,
            memo=memo,
        )
        return bool(inside[where].all()) and all(each.passed for each in measured)


def _values(result: Result, name: str) -> Array | None:
    """The array that ``name`` is of a comparison."""
    place = name.removesuffix(" afterwards")
    held: Sequence[Mapping[str, Leaf]] = (result.outputs,) if place == name else (result.inputs, result.state)
    return next((leaf.values for leaves in held if (leaf := leaves.get(place)) is not None), None)
