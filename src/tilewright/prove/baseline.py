"""What candidates are held against: the oracle and the original, run once for all candidates."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tilewright.prove import inputs
from tilewright.prove import planted as planted_room
from tilewright.prove.baselines import Baselines, can_vary, make_case
from tilewright.prove.compare import Baseline, original_is_wrong
from tilewright.prove.halves import Array
from tilewright.prove.plan import LONG, Planned, plan, plan_own, plan_real, plan_varied, probes, size_of
from tilewright.prove.problems import WHOLE_ROWS
from tilewright.prove.results import Result, State
from tilewright.prove.session import (
    CUDA,
    FLOAT64,
    FRESH,
    MODELLED,
    WIDENED,
    Generated,
    Host,
    Session,
    Values,
)
from tilewright.prove.structure import judge
from tilewright.records.problem import Problem

MODELLED_HALVES = (
    "bfloat16 was run in a model (float32 values rounded to bfloat16 after each operation), not in hardware"
)
MODELLED_TF32 = (
    "tl.dot was run with float32 accumulation and TF32 operands cut to 10 mantissa bits; "
    "the order of summation inside tensor cores is not modelled"
)
_MOST_OWN, _MOST_OWN_ON_DEVICE = 20_000, 1 << 27
"""Elements of the reference's own inputs that are sent, to the interpreter and to a device."""
_QUICK_S = 0.05
"""Processor seconds of a small problem up to which larger ones are tried together."""
_LOST = ("out_of_memory",)
_SHARE, _AFFORDABLE_S = 0.3, 10.0
"""Part of the time limit, and processor seconds, that the original's runs may be planned to take."""
_RUNS, _RUNS_OF_MAIN, _RUNS_OF_EXTREME = 7, 31, 3
"""Runs of a problem with original and oracle: in three dtypes; for the main one with the distributions that it must
meet; and of one distribution more."""
_SHARE_OF_MAIN = 0.6
"""Part of the affordable time that the main problem may take where there is a smaller ragged one."""
CONCURRENCY = "programs ran one after the other: races between them, and deadlocks, would not show"


class BaselineBuilder:
    """Runs the oracle and the original on every planned call."""

    def __init__(
        self,
        original: str | None,
        reference: str | None,
        *,
        oracle: Host,
        host: Host,
        uncompilable: Sequence[str],
        seed: int,
        timeout_s: float,
    ) -> None:
        """Make a builder; nothing runs yet.

        Args:
            original: text of the user's own file; ``None``: the reference in its own dtype stands in for it.
            reference: text of the reference; ``None``: the original, widened, is the oracle.
            oracle: where the exact answers are computed.
            host: where the original runs, as candidates will.
            uncompilable: short names of dtypes that the original does not compile for.
            seed: of inputs and parameters.
            timeout_s: for all runs of one file.
        """
        self.reference, self.oracle, self.host, self.seed, self.timeout_s = reference, oracle, host, seed, timeout_s
        self.uncompilable = set(uncompilable)
        self.is_file = original is not None
        text = reference if original is None else original
        if text is None:
            raise ValueError("nothing to compare with: give an original or a reference")
        self.text, self.class_name = text, "ModelNew" if self.is_file else "Model"
        self.result = Baselines()
        self._small: Problem | None = None

    def build(
        self,
        problems: Sequence[Problem],
        dtypes: Sequence[str],
        *,
        real: Sequence[Problem] = (),
        stated: Problem | None = None,
    ) -> Baselines:
        """Run everything; what cannot be compared is named in ``unchecked``.

        Args:
            problems: small ones, whose values are sent.
            dtypes: to run beside the one that the problems state.
            real: large ones, whose values each worker makes.
            stated: the reference's own call, for the values of its own generator.
        """
        result = self.result
        session = self._session(self.host, self.text, self.class_name)
        try:
            small = self._initial_states(session, problems)
            planned = self._planned(session, small, dtypes)
            if planned and any(can_vary(self._state(planned[0]), name) for name in self._state(planned[0]).values):
                planned.append(plan_varied(planned[0]))
            self._small = planned[0].problem if planned else None
            planned += plan_real(self._initial_states(session, real))
            values = {p.name: self._values(p) for p in planned}
            if own := self._own_values(stated):
                planned.append(plan_own(own[0]))
                values[planned[-1].name] = own[1]
            runs = [p for p in planned if p.dtype not in self.uncompilable]
            others = self._planted(runs, values)
            oracle, moved = self._oracle(session, [*planned, *filter(planted_room.is_oracles, others)], values)
            originals = session.run([result.case(p, values[p.name]) for p in (*runs, *others)])
        finally:
            session.close()
        skipped = sorted({LONG[p.dtype] for p in planned} & {LONG[name] for name in self.uncompilable})
        if skipped:
            result.unchecked.append(
                f"the original does not compile for {', '.join(skipped)}: held against the oracle and the dtype's bound"
            )
        self._select(planned, values, oracle, moved, originals)
        ends = [ended[p.name].kind for p in planned for ended in (originals, oracle) if p.name in ended]
        result.timed_out = "timed_out" in ends
        if self.is_file:
            result.torch_ops = frozenset().union(*(judge.torch_ops(r.seen) for r in originals.values()))
        return result

    def again(self, planned: Planned, count: int, *, timeout_s: float) -> Baselines:
        """Run oracle and original on ``count`` further draws of a call, each on a fresh model.

        Args:
            planned: one of those that :meth:`build` ran; its values are sent.
            count: draws.
            timeout_s: for all runs of one file.
        """
        one = copy.copy(self)
        one.timeout_s, one.result = timeout_s, replace(self.result, usable=[], unchecked=[], timed_out=False, lost="")
        # another name is another salt of the values
        drawn = [replace(planned, name=f"again{number}{planned.name}") for number in range(1, count + 1)]
        values = {p.name: one._values(p) for p in drawn}
        session = one._session(one.host, one.text, one.class_name)
        try:
            oracle, moved = one._oracle(session, drawn, values)
            originals = session.run([one.result.case(p, values[p.name]) for p in drawn])
        finally:
            session.close()
        one._select(drawn, values, oracle, moved, originals)
        one.result.timed_out = any(r.kind in ("timed_out", "not_run") for r in (*oracle.values(), *originals.values()))
        return one.result

    def _planted(self, runs: Sequence[Planned], values: dict[str, Values | Generated]) -> list[Planned]:
        """Calls like the one with NaN and Inf, with others in their places, whose values are added to ``values``."""
        found = []
        for p in runs:
            given = values[p.name]
            if p.distribution == inputs.NON_FINITE and not isinstance(given, Generated):
                found += planted_room.calls(p, given, self.seed)
        values.update({p.name: given for p, given in found})
        return [p for p, _ in found]

    def _session(self, host: Host, text: str, class_name: str) -> Session:
        """A file that the user vouches for: what it replaces in its process is not looked for."""
        return Session(host, text, class_name, seed=self.seed, timeout_s=self.timeout_s, watched=False)

    def _planned(self, session: Session, small: list[Problem], dtypes: Sequence[str]) -> list[Planned]:
        if self.host.jobs != CUDA:
            return self._affordable(session, small, dtypes)
        # an index out of range is an error in the interpreter, and the end of the process on a device
        return [p for p in plan(small, dtypes) if p.distribution not in inputs.UNSAFE_ON_DEVICE]

    def _state(self, p: Planned) -> State:
        return self.result.states.get(p.problem.init_arguments, State())

    def _own_values(self, stated: Problem | None) -> tuple[Problem, Values] | None:
        """The reference's own values for its own call, where they are few enough to be sent."""
        most = _MOST_OWN_ON_DEVICE if self.host.jobs == CUDA else _MOST_OWN
        if stated is None or self.reference is None or size_of(stated) > most or not self.result.states:
            return None
        session = self._session(self.oracle, self.reference, "Model")
        try:
            found = session.own_inputs()
        finally:
            session.close()
        values: list[inputs.Value] = []
        for index, spec in enumerate(stated.inputs):
            array = found.get(f"input {index}")
            if spec.dtype != "python" and (array is None or array.shape != spec.shape):
                self.result.unchecked.append("the values of the reference's own get_inputs()")
                return None
            values.append(inputs.python_value(spec) if array is None else array)
        return stated, values

    def _values(self, p: Planned) -> Values | Generated:
        if p.generated:
            return Generated(
                distribution=p.distribution, seed=self.seed, salt=p.instance, dtypes=p.dtypes, small=self._small
            )
        return inputs.values_for(
            p.problem.inputs, p.dtypes, distribution=p.distribution, seed=self.seed, salt=p.instance
        )

    def _affordable(self, session: Session, problems: Sequence[Problem], dtypes: Sequence[str]) -> list[Planned]:
        """The plan for the problems that the original accepts and that fit into the time, in their order."""
        limit_s = min(self.timeout_s * _SHARE, _AFFORDABLE_S)
        took_s = self._probe(session, [p for p in problems if p.label != WHOLE_ROWS], limit_s)
        if not any(p.label.startswith("ragged") for p in took_s):
            took_s |= self._probe(session, [p for p in problems if p.label == WHOLE_ROWS], limit_s)
        ragged = [p for p in problems if p in took_s and p.label.startswith("ragged")]
        cheap = [p for p in ragged if took_s[p] * _RUNS_OF_MAIN <= limit_s * _SHARE_OF_MAIN]
        fastest = min(ragged or took_s, key=took_s.__getitem__, default=None)
        main = cheap[0] if cheap else fastest
        if main is None:
            return []
        left_s = limit_s - took_s[main] * _RUNS_OF_MAIN
        kept = [main]
        for problem in problems:
            if problem is main or problem not in took_s:
                continue
            cost_s = took_s[problem] * _RUNS
            if cost_s <= left_s:
                left_s -= cost_s
                kept.append(problem)
            else:
                self._too_slow(problem, f"one run takes {took_s[problem]:.1f} s in the interpreter")
        chosen = [p for p in problems if p in kept]
        full = plan(chosen, dtypes, main)
        extremes_s = sum(_RUNS_OF_EXTREME * took_s[p.problem] for p in full if p.distribution in inputs.EXTREME)
        return full if extremes_s <= left_s else plan(chosen, dtypes, main, brief=True)

    def _probe(self, session: Session, problems: Sequence[Problem], limit_s: float) -> dict[Problem, float]:
        """Processor seconds of each problem that the original runs, the smallest first; too large ones are not run."""
        took_s: dict[Problem, float] = {}
        left = sorted(probes(problems), key=lambda p: size_of(p.problem))
        while left:
            # one after the other as long as that may take long, all at once where it does not
            slowest_s = max(took_s.values(), default=math.inf)
            some, left = (left, []) if slowest_s <= _QUICK_S else (left[:1], left[1:])
            results = session.run([self.result.case(p, self._values(p), instance=p.name) for p in some])
            for p in some:
                self._note_probe(p, results[p.name], took_s)
            if max(took_s.values(), default=0.0) * _RUNS > limit_s:
                for p in left:
                    self._too_slow(p.problem, "a smaller one already takes too long in the interpreter")
                break
        return took_s

    def _note_probe(self, p: Planned, result: Result, took_s: dict[Problem, float]) -> None:
        if result.ran:
            took_s[p.problem] = result.elapsed_s
            return
        self.result.timed_out |= result.kind == "timed_out"
        label = p.problem.label or "problem"
        self.result.unchecked.append(f"{label}: the original does not run ({result.kind}: {result.error})")

    def _too_slow(self, problem: Problem, why: str) -> None:
        self.result.unchecked.append(f"{problem.label or 'problem'}: {why}")

    def _initial_states(self, session: Session, problems: Sequence[Problem]) -> list[Problem]:
        usable: dict[tuple[object, ...], bool] = {}
        for problem in problems:
            init = problem.init_arguments
            if init in usable:
                continue
            state = session.initial_state(init)
            usable[init] = not isinstance(state, Result)
            if isinstance(state, Result):
                self.result.unchecked.append(f"{problem.label}: the original's model is not made ({state.error})")
                self.result.timed_out |= state.kind == "timed_out"
            else:
                self.result.states[init] = state
        return [problem for problem in problems if usable[problem.init_arguments]]

    def _oracle(
        self, session: Session, planned: Sequence[Planned], values: dict[str, Values | Generated]
    ) -> tuple[dict[str, Result], dict[str, Result]]:
        """The exact answers, and those on moved inputs."""
        if self.reference is not None:
            reference = self._session(self.oracle, self.reference, "Model")
            try:
                timed = next((p for p in planned if p.generated), None)
                if timed is not None:
                    # at the size that is timed: what a model reads of its inputs may depend on it
                    first = self.result.case(timed, values[timed.name], instance="needed", arithmetic=FLOAT64)
                    self.result.needed = reference.needed_inputs(first)
                return self._attempt(reference, planned, values, "f64", FLOAT64)
            finally:
                reference.close()
        if self.oracle.worker is not self.host.worker:
            session = self._session(self.oracle, self.text, self.class_name)
        truth: dict[str, Result] = {}
        moved: dict[str, Result] = {}
        for dtype, arithmetic in (("f32", WIDENED), ("", WIDENED), ("f32", MODELLED)):
            missing = [p for p in planned if not (p.name in truth and truth[p.name].ran)]
            if not missing:
                break
            one, other = self._attempt(session, missing, values, dtype, arithmetic)
            truth.update(one)
            moved.update(other)
            if arithmetic == MODELLED and any(r.ran for r in one.values()):
                names = ", ".join(sorted({p.problem.label for p in missing if one[p.name].ran}))
                self.result.unchecked.append(f"{names}: no float64 oracle; the original in float32 stands in for it")
        return truth, moved

    def _attempt(
        self,
        session: Session,
        planned: Sequence[Planned],
        values: dict[str, Values | Generated],
        dtype: str,
        arithmetic: str,
    ) -> tuple[dict[str, Result], dict[str, Result]]:
        cases = []
        for p in planned:
            wide = dtype or p.dtype
            if p.dtype == "f64":
                wide = "f64"
            common: dict[str, object] = {
                "dtypes": p.dtypes_at(wide),
                "cast": wide if wide == "f64" or not p.own or wide != p.dtype else None,
                "arithmetic": arithmetic,
                "contiguous": True,
                "probe": FRESH,
            }
            state = self.result.state_of(p)
            for tag, given in (("", values[p.name]), ("moved", self._moved(values[p.name]))):
                if tag and (p.distribution == inputs.NON_FINITE or not (p.own or p.dtype in ("f32", "f64"))):
                    # ordinary values condition nothing so badly that it shows beside a half's own rounding
                    continue
                instance = f"{p.instance}/{arithmetic}{dtype}{tag}"
                held = state if not tag else self._moved_state(state)
                cases.append(make_case(p, given, held, name=f"{p.name}{tag}", instance=instance, **common))
        results = session.run(cases)
        truth = {p.name: results[p.name] for p in planned}
        return truth, {p.name: results[f"{p.name}moved"] for p in planned if f"{p.name}moved" in results}

    def _moved(self, values: Values | Generated) -> Values | Generated:
        if isinstance(values, Generated):
            return replace(values, moved_by=inputs.PERTURBATION)
        return inputs.perturbed(values, self.seed)

    def _moved_state(self, state: dict[str, Array]) -> dict[str, Array]:
        """Parameters and buffers are operands as well."""
        moved = inputs.perturbed(list(state.values()), self.seed)
        return {name: value for name, value in zip(state, moved, strict=True) if isinstance(value, np.ndarray)}

    def _select(
        self,
        planned: Sequence[Planned],
        values: dict[str, Values | Generated],
        oracle: dict[str, Result],
        moved: dict[str, Result],
        originals: dict[str, Result],
    ) -> None:
        """Keep the calls that say something; name the others, one line a problem and reason."""
        dropped: dict[str, list[Planned]] = {}
        dtypes = self._output_dtypes(planned, originals)
        for p in planned:
            truth = oracle[p.name]
            original = originals.get(p.name)
            baseline = Baseline(
                planned=p,
                values=values[p.name],
                oracle=truth,
                moved_oracle=found if (found := moved.get(p.name)) is not None and found.ran else None,
                original=original,
                planted=planted_room.planted(p, originals, oracle) if p.distribution == inputs.NON_FINITE else None,
                output_dtypes={n: p.dtype if follows else d for n, (d, follows) in dtypes.items()}
                if original is None or not original.ran
                else {name: leaf.dtype for name, leaf in original.outputs.items()},
            )
            reason = f"no oracle ({truth.kind}: {truth.error})" if not truth.ran else original_is_wrong(baseline)
            if reason:
                dropped.setdefault(reason, []).append(p)
                ended = [one for one in (truth, original) if one is not None and one.kind in _LOST]
                if ended and not p.generated:
                    self.result.lost = f"{p.words()}: {ended[0].kind.replace('_', ' ')}: {ended[0].error}"
            else:
                self.result.usable.append(baseline)
        for reason, those in dropped.items():
            names = ", ".join(dict.fromkeys(f"{p.problem.label} {LONG[p.dtype]} {p.distribution}" for p in those[:3]))
            more = f" and {len(those) - 3} more" if len(those) > 3 else ""
            self.result.unchecked.append(f"{names}{more}: {reason}")

    @staticmethod
    def _output_dtypes(planned: Sequence[Planned], originals: dict[str, Result]) -> dict[str, tuple[str, bool]]:
        """Each output's dtype in the original's own run, and whether it follows the inputs'."""
        for p in planned:
            found = originals.get(p.name)
            if p.own and found is not None and found.ran:
                return {name: (leaf.dtype, leaf.dtype == p.dtype) for name, leaf in found.outputs.items() if leaf.dtype}
        return {}
