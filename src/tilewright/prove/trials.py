"""The calls that a candidate has to pass, in order, and what each of them shows: parent side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from tilewright.prove import inputs, probes
from tilewright.prove.baselines import Baselines
from tilewright.prove.compare import Baseline, Judged, compare
from tilewright.prove.physics_gate import Gate
from tilewright.prove.plan import Planned, size_of
from tilewright.prove.problems import AS_STATED
from tilewright.prove.results import Result
from tilewright.prove.runner_words import NO_SUCH_STATE
from tilewright.prove.session import FRESH, NO_OP, REPEAT, TIMED, WORN, Case

ORDINARY, REPEATED, IDLE_AGAIN, IDLE, LATER, CLOCKED, CONFIGURED = (
    "ordinary",
    "repeated",
    "idle again",
    "idle",
    "later",
    "clocked",
    "configured",
)
AGAIN = "again"
"""An ordinary call, on another draw of its values."""
_LARGE, _THREADS = 1 << 20, 8
"""Elements of an answer from which it is compared in another thread, and the most such threads."""
LATE = ("timed_out", "out_of_memory")
"""Ends of a call that say nothing about its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call of the candidate, and how its result is to be read."""

    base: Baseline
    case: Case
    role: str
    note: str = ""


class Trials:
    """The calls of one candidate."""

    def __init__(
        self,
        baselines: Baselines,
        precision: str,
        gate: Gate | None,
        workers: int,
        operations: Callable[[], Mapping[str, float]] = dict,
        *,
        tuned: bool = False,
    ) -> None:
        """Plan the calls of a candidate.

        Args:
            baselines: what it is held against.
            precision: see :func:`tilewright.prove.compare.compare`.
            gate: what times on a GPU are held against.
            workers: that share the calls.
            operations: see :meth:`tilewright.prove.Prover.prove`.
            tuned: whether it looks as if it had autotune configurations.
        """
        self._operations, self._tuned = operations, tuned
        self.ahead: list[Case] = []
        """Cases of the next stage that are to run with this one: to compile every configuration takes long."""
        self._baselines, self._precision, self._gate, self._parallel = baselines, precision, gate, workers > 1
        self._calls: dict[str, _Call] = {}
        self._results: dict[str, Result] = {}
        # numpy lets go of the interpreter while it computes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tilewright-compare")
        self._coming: dict[str, Future[list[Judged]]] = {}
        self._wrong: set[str] = set()
        """Instances of which an ordinary call gave a wrong answer: how they came to it is of no interest."""
        self._passed_over: list[tuple[_Call, Result]] = []

    def stages(self) -> Iterator[list[Case]]:
        """Cases to run together; what later ones are depends on how earlier ones ended."""
        usable = self._baselines.usable
        head, tail = usable[:1], usable[1:]
        first = [self._ordinary(head[0]), *self._around(head[0])]
        met = {call.base.planned.name for call in first if call.role == ORDINARY}
        rest = [call for base in tail if base.planned.name not in met for call in self._of(base)]
        rest += self._worn()
        if self._parallel:
            self.ahead = self._sent([self._tuning(head[0])]) if self._tuned else []
            yield self._sent([*first, *rest])
            self.ahead = []
        else:
            # a wrong file is found out by its first calls, mostly
            yield self._sent(first)
            yield self._sent(rest)
        counts = self._results[first[0].case.name].configurations
        variants = self._variants(head[0], max(counts.values(), default=1))
        if variants:
            yield self._sent(variants)

    def words(self, name: str) -> str:
        """The call of a case, in a few words."""
        call = self._calls[name]
        return "; ".join(filter(None, (call.note, call.base.planned.words())))

    def take(self, ended: Mapping[str, Result]) -> None:
        """Begin to compare answers of real size while others are still computed; called from any thread."""
        for name, result in ended.items():
            call = self._calls[name]
            if _is_large(result) and call.role in (ORDINARY, LATER, CONFIGURED):
                self._coming[name] = self._threads.submit(compare, call.base, result, self._precision)

    def close(self) -> None:
        """Begin no further comparison."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def judge(self, ended: Sequence[tuple[str, Result]], notes: list[str]) -> Iterator[tuple[Planned, Judged]]:
        """What the results of one stage show; adds to ``notes`` what is no check."""
        self._results.update(ended)
        for name, result in ended:
            call = self._calls[name]
            if result.kind in LATE:
                continue
            for item in self._judge(call, result, notes):
                if call.role == ORDINARY and not item.check.passed and item.check.name not in probes.CIRCUMSTANTIAL:
                    self._wrong.add(call.base.planned.instance)
                yield call.base.planned, _noted(item, call)

    def first(self, planned: Planned) -> tuple[Baseline, Result]:
        """An ordinary call that ran, with what it is compared with."""
        return self._calls[planned.name].base, self._results[planned.name]

    def again(self, bases: Sequence[Baseline]) -> list[Case]:
        """Ordinary calls on other draws, each on a fresh model."""
        return self._sent([_Call(base=base, case=self._case(base), role=AGAIN) for base in bases])

    def forgive(self, notes: list[str]) -> list[tuple[Planned, Judged]]:
        """No ordinary call was wrong after all: what was passed over for it."""
        self._wrong.clear()
        left, self._passed_over = self._passed_over, []
        return [
            (call.base.planned, _noted(each, call))
            for call, result in left
            for each in self._judge(call, result, notes)
        ]

    def _sent(self, calls: Sequence[_Call]) -> list[Case]:
        self._calls.update({call.case.name: call for call in calls})
        return [call.case for call in calls]

    def _case(self, base: Baseline, **changes: object) -> Case:
        return self._baselines.case(base.planned, base.values, **changes)

    def _probe(self, base: Baseline, name: str, probe: str) -> Case:
        return self._case(base, name=name, probe=probe, continues=False)

    def _ordinary(self, base: Baseline) -> _Call:
        return _Call(base=base, case=self._case(base), role=ORDINARY)

    def _of(self, base: Baseline) -> list[_Call]:
        """The calls of one base: at the real size, the clock runs after the first of them."""
        calls = [self._ordinary(base)]
        if base.planned.generated and not base.planned.second:
            clocked = self._case(base, name=f"{base.planned.name}_timed", probe=TIMED)
            calls.append(_Call(base=base, case=clocked, role=CLOCKED))
        return calls

    def _around(self, head: Baseline) -> list[_Call]:
        """What shows how the answer comes about: a second call with the first one's tensors, right after it; the same
        values again; and kernels that do nothing, on old and on new values."""
        name = head.planned.name
        own = [base for base in self._baselines.usable if base.planned.instance == head.planned.instance]
        calls = [self._ordinary(base) for base in own if base.planned.second]
        calls += [
            _Call(base=head, case=self._probe(head, f"{name}_repeat", REPEAT), role=REPEATED),
            _Call(
                base=head,
                case=self._probe(head, f"{name}_idle_again", NO_OP),
                role=IDLE_AGAIN,
            ),
        ]
        # values of one sign may be their own answer
        signed = [base for base in own if base.planned.distribution in (inputs.WIDE, inputs.CANCELLING)]
        other = next((base for base in signed if not base.planned.second), None)
        if other is not None:
            idle = self._probe(other, f"{other.planned.name}_idle", NO_OP)
            calls.append(_Call(base=other, case=idle, role=IDLE))
        return calls

    def _worn(self) -> list[_Call]:
        """The smallest problem after many calls, and once more without kernels: a file may behave for a while."""
        small = [b for b in self._baselines.usable if _plain(b.planned)]
        base = min(small, key=lambda b: size_of(b.planned.problem), default=None)
        if base is None or base.planned.generated:
            return []
        name = base.planned.name
        worn = self._case(base, name=f"{name}_worn", probe=WORN)
        idle = self._probe(base, f"{name}_worn_idle", NO_OP)
        return [
            _Call(base=base, case=worn, role=LATER, note="after many calls"),
            _Call(base=base, case=idle, role=IDLE_AGAIN, note="after many calls"),
        ]

    def _variants(self, base: Baseline, count: int) -> list[_Call]:
        """Every further autotune configuration, and a call that tunes first, each on a fresh model."""
        if count < 2:
            return []
        case = self._case(base, probe=FRESH)
        configured = [
            (
                replace(case, name=f"{case.name}_config{i}", instance=f"{case.instance}/config{i}", config=i),
                f"autotune configuration {i + 1} of {count}",
            )
            for i in range(1, count)
        ]
        variants = [_Call(base=base, case=each, role=CONFIGURED, note=note) for each, note in configured]
        return [*variants, self._tuning(base, f"first call, which tries all {count} autotune configurations")]

    def _tuning(self, base: Baseline, note: str = "") -> _Call:
        case = self._case(base, probe=FRESH)
        case = replace(case, name=f"{case.name}_tunes", instance=f"{case.instance}/tunes", first_call=True)
        return _Call(base=base, case=case, role=CONFIGURED, note=note)

    def _judge(self, call: _Call, result: Result, notes: list[str]) -> list[Judged]:
        base, planned = call.base, call.base.planned
        if call.role == CLOCKED:
            if self._gate is None:
                return []
            # what was counted, was counted at the size that is stated
            operations = self._operations() if planned.problem.label == AS_STATED else None
            return self._gate.judge(base, result, self._baselines.needed, operations)
        if call.role in (IDLE, IDLE_AGAIN):
            usual = self._first(planned)
            same = call.role == IDLE_AGAIN
            if usual is None or not usual.ran:
                return []
            if planned.instance in self._wrong:
                self._passed_over.append((call, result))
                return []
            if self._baselines.falls_back(base):
                return []
            return [probes.without_kernels(base, usual, result, self._precision, same_values=same)]
        if call.role == REPEATED:
            usual = self._first(planned)
            if usual is None or not usual.ran:
                return []
            found, note = probes.repeated(planned, usual, result)
            if note:
                notes.append(note)
            return [] if found is None else [found]
        if base.original is None and result.kind == "raised":
            notes.append(f"{planned.words()}: neither original nor candidate runs ({result.error})")
            return []
        if planned.varied and result.kind == "raised" and NO_SUCH_STATE in result.error:
            notes.append(f"other parameters than those it was made with: {result.error}")
            return []
        return self._answer(call, result)

    def _answer(self, call: _Call, result: Result) -> list[Judged]:
        base, planned = call.base, call.base.planned
        coming = self._coming.pop(call.case.name, None)
        judged = compare(base, result, self._precision) if coming is None else coming.result()
        if not result.ran:
            return judged
        falls = self._baselines.falls_back(base)
        judged += probes.structure(planned, result, self._baselines.torch_ops, may_fall_back=falls)
        judged += probes.memory(planned, result, base.original)
        judged += probes.missing_state(planned, result, base.original, self._baselines.state_of(planned))
        if planned.second and call.role == ORDINARY and (usual := self._first(planned)) is not None:
            found = probes.kept(planned, usual, result, self._baselines.pair(planned))
            judged += [] if found is None else [found]
            if planned.instance not in self._wrong and not all(item.check.passed for item in judged):
                judged.append(probes.stale(planned, usual, result))
        return judged

    def _first(self, planned: Planned) -> Result | None:
        """The candidate's first call of the instance that ``planned`` belongs to."""
        for name, call in self._calls.items():
            if (
                call.role == ORDINARY
                and not call.base.planned.second
                and call.base.planned.instance == planned.instance
            ):
                return self._results.get(name)
        return None


def _is_large(result: Result) -> bool:
    return any(leaf.values is not None and leaf.values.size >= _LARGE for leaf in result.outputs.values())


def _plain(planned: Planned) -> bool:
    """Whether the call is a first one on values of which many differ from what they lead to."""
    return planned.own and not planned.second and not planned.varied and planned.problem.label != "size 1"


def _noted(item: Judged, call: _Call) -> Judged:
    detail = "; ".join(filter(None, (call.note, item.check.detail)))
    return replace(item, role=call.role, check=replace(item.check, detail=detail))
