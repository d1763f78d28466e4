"""How many operations a file's own kernels do in one call, for the physics gate."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from tilewright.capture import PRELOAD, capture
from tilewright.errors import InputError
from tilewright.families import lift
from tilewright.families.contraction.sizes import sizes_of
from tilewright.prove.physics import contraction_operations
from tilewright.prove.verification import kernel_source
from tilewright.records.algorithm import Contraction
from tilewright.records.launch import Launch
from tilewright.records.target import Target
from tilewright.records.verification import Claim
from tilewright.workers import Worker

_LIMIT_S = 30.0


def operations_of(claim: Claim, target: Target, *, worker: Worker | None = None) -> dict[str, float]:
    """Operations of the candidate's contractions at the claim's inputs, by unit.

    A lower bound: launches that nothing lifts count nothing, and of the configurations of an autotuned launch the one
    that does least counts. Empty where the forward call cannot be captured.

    Args:
        claim: the candidate and its inputs.
        target: the GPU that ``torch.cuda`` answers for.
        worker: where the candidate's wrapper runs; ``None``: one is started, which takes seconds.
    """
    with contextlib.nullcontext(worker) if worker is not None else Worker(preload=PRELOAD) as where:
        try:
            found = capture(
                kernel_source(claim.candidate),
                target=target,
                worker=where,
                inputs=claim.inputs,
                init_arguments=claim.init_arguments,
                timeout_s=_LIMIT_S,
            )
        except InputError:
            return {}
    calls: dict[int, list[Mapping[str, float]]] = {}
    for launch in found.launches:
        calls.setdefault(launch.ordinal, []).append(_of_launch(launch))
    total: dict[str, float] = {}
    for configurations in calls.values():
        units = set.intersection(*(set(one) for one in configurations))
        for unit in units:
            total[unit] = total.get(unit, 0.0) + min(one[unit] for one in configurations)
    return total


def _of_launch(launch: Launch) -> Mapping[str, float]:
    if launch.error or not launch.ttir:
        return {}
    _, lifted = lift(launch)
    if not isinstance(lifted.algorithm, Contraction):
        return {}
    try:
        return contraction_operations(lifted.algorithm, sizes_of(lifted.algorithm, launch))
    except ValueError:
        return {}
