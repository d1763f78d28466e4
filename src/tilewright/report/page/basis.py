"""What every section of the page asks for first: which times there are, and whether they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.report.page.reading import Figure, Form, estimated, figure, find, forms, number, part, text

MEASURED, PREDICTED = "measured", "predicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """A run's document with the figures that stand for the whole of it. Times are of one forward call."""

    document: Form
    provenance: str
    """Of ``before``, ``after`` and ``ratio``."""
    finished: bool
    improved: bool
    before: Figure | None
    after: Figure | None
    """``None`` where nothing took the input's place, or where it has no time."""
    ratio: Figure | None
    decision: str
    """Of the last comparison; empty for a prediction."""

    @property
    def measured(self) -> bool:
        """Whether the run had a GPU."""
        return self.provenance == MEASURED

    @property
    def measurement(self) -> Form:
        """What was found out on the GPU; empty without one."""
        return part(self.document, "measurement")

    @property
    def trials(self) -> list[Form]:
        """Every candidate that was tried."""
        return forms(self.document, "trials")

    @property
    def accepted(self) -> list[Form]:
        """Those of them whose changes were kept, in order."""
        return [trial for trial in self.trials if trial.get("accepted") is True]


def was_taken(trial: Form) -> bool:
    """Whether a trial was the best at some time: it is in the output, or was faster than what there was before it, and
    a later change of the same kernel took its place."""
    return trial.get("accepted") is True or text(part(trial, "comparison"), "decision") == "faster"


def basis_of(document: Form) -> Basis:
    """Read the whole run's figures; a measured one never falls back on a prediction."""
    trials = forms(document, "trials")
    accepted = [trial for trial in trials if trial.get("accepted") is True]
    measured = bool(part(document, "measurement")) or any(
        part(trial, one) for trial in trials for one in ("screening", "comparison")
    )
    result = text(document, "result")
    state = text(document, "state", default="finished")
    whole = part(document, "measurement", "comparison")
    if measured:
        before = figure(whole, "baseline", "cold_us") or _first_time(document, trials)
        after = figure(whole, "candidate", "cold_us") or _last_time(accepted)
        ratio = figure(whole, "ratio")
    else:
        before = call_time(document, {})
        after = call_time(document, last_of_kernel(accepted)) if accepted else None
        ratio = figure(document, "speedup")
    return Basis(
        document=document,
        provenance=MEASURED if measured else PREDICTED,
        finished=state == "finished" and result in ("improved", "unchanged"),
        improved=result == "improved" or (not result and bool(accepted)),
        before=before,
        after=after,
        ratio=ratio,
        decision=text(whole, "decision"),
    )


def last_of_kernel(trials: Sequence[Form]) -> dict[str, Form]:
    """The last of the trials for each kernel."""
    return {text(trial, "kernel"): trial for trial in trials}


def call_time(document: Form, changed: Mapping[str, Form]) -> Figure | None:
    """Predicted time of one forward call, all its launches, with these trials in place of their kernels.

    A trial's estimate is that of its kernel's slowest launch; the other launches are scaled alike.
    """
    kernels = forms(document, "kernels")
    times = [(text(one, "kernel"), estimated(one, "estimate")) for one in kernels]
    total = Figure(value=0.0, low=0.0, high=0.0)
    for kernel, own in times:
        if own is None:
            return None
        factor, used = 1.0, own
        if kernel in changed:
            after = estimated(changed[kernel], "estimate")
            if after is None:
                return None
            slowest = max(one.value for name, one in times if name == kernel and one is not None)
            factor, used = own.value / slowest, after
        total = Figure(
            value=total.value + factor * used.value,
            low=total.low + factor * used.low,
            high=total.high + factor * used.high,
        )
    return total if times and total.value > 0 else None


def trial_time(trial: Form) -> Figure | None:
    """Measured time of a trial's file: as compared, else as screened."""
    return figure(trial, "comparison", "candidate", "cold_us") or figure(trial, "screening", "time_us")


def at_s(trial: Form) -> float:
    """When a trial's last figure was known; 0 where the run kept no times."""
    return number(trial, "at_s") or 0.0


def verdict_of(basis: Basis) -> Form:
    """What was proved of the output: the certificate's verdict, else that of the last kept trial."""
    last = basis.accepted[-1] if basis.accepted else {}
    return part(basis.document, "certificate", "verdict") or part(last, "verdict")


def _first_time(document: Form, trials: Sequence[Form]) -> Figure | None:
    compared = [*forms(document, "measurement", "stages"), *trials]
    found = (figure(one, "comparison", "baseline", "cold_us") for one in compared)
    first = next((one for one in found if one is not None), None)
    alone = number(document, "measurement", "input_us") or 0.0
    return first or (Figure(value=alone, low=alone, high=alone) if alone > 0 else None)


def _last_time(accepted: Sequence[Form]) -> Figure | None:
    return next((one for trial in reversed(accepted) if (one := trial_time(trial)) is not None), None)


def status_of(trial: Form) -> str:
    """The verdict's status, or ``not tried in the prover``."""
    return text(find(trial, "verdict"), "status", default="not tried in the prover")
