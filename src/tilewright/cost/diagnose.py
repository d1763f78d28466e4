"""What binds a kernel: measured metrics first, predictions where nothing was measured, each said for what it is.

Rules are asked in a fixed order, the most certain first: a program that does not fit, a launch too short to matter,
idle SMs and a long tail, spills in the loop, DRAM, an operand that lies across (bank conflicts), a pipe that was seen
busy, too few warps, the reason for which warps were seen to wait, then whichever pipe's floor is highest. The first
rule that answers names the bound; what the others know still goes into the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.cost import counters
from tilewright.cost.constants import LAUNCH_OVERHEAD_US
from tilewright.cost.evidence import (
    BUSY_DRAM_PCT,
    BUSY_SM_PCT,
    ENOUGH_WARPS_PCT,
    LIMIT_WORDS,
    NEAR_A_FLOOR,
    SM_THROUGHPUT,
    WARPS_ACTIVE,
    Facts,
    sentences,
    spill_count,
)
from tilewright.records.build import Build
from tilewright.records.estimate import Estimate, Occupancy, Waves
from tilewright.records.profile import Diagnosis
from tilewright.records.stage import Stage
from tilewright.records.target import Target

FIELDS_OF_LIMIT = {
    "shared_memory": ("block_m", "block_n", "block_k", "num_stages"),
    "registers": ("block_m", "block_n", "num_warps"),
    "warps": ("num_warps",),
    "blocks": ("num_warps", "block_m", "block_n"),
}
FIELDS_OF_PIPE = {
    "l2": ("block_m", "block_n"),
    "shared": ("a_layout", "b_layout", "block_m", "block_n", "num_warps"),
    "issue": ("pointers", "masks", "descriptors", "block_k"),
    "latency": ("num_stages", "split_k", "block_k"),
    "tensor": (),
    "fp32": (),
}
FIELDS_OF_LAYOUT = ("a_layout", "b_layout", "block_m", "block_n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """A rule's answer."""

    binds: str
    summary: str
    fields: tuple[str, ...]


def diagnose(
    *,
    kernel: str,
    build: Build | None,
    occupancy: Occupancy,
    waves: Waves,
    estimate: Estimate,
    metrics: Mapping[str, float],
    target: Target,
    stage: Stage | None = None,
    stages: Sequence[Stage] = (),
) -> Diagnosis:
    """Return what binds one kernel, why that is known, and which Schedule fields can move it.

    Args:
        kernel: its name.
        build: the binary, where there is one.
        occupancy: programs and warps an SM holds.
        waves: how the grid falls on the SMs.
        estimate: the predicted time and floors.
        metrics: Nsight Compute's values for this kernel; may be empty.
        target: the GPU.
        stage: the stage that was asked for; it is named when it owns a field that can move the bound.
        stages: all stages, to name the one that owns the field when ``stage`` does not.
    """
    facts = Facts(build=build, occupancy=occupancy, waves=waves, estimate=estimate, metrics=metrics, target=target)
    bound = next(found for rule in _RULES if (found := rule(facts)) is not None)
    return Diagnosis(
        kernel=kernel,
        binds=bound.binds,
        summary=bound.summary,
        evidence=sentences(facts) + counters.counter_sentences(facts) + _stage_evidence(bound, stage),
        stage=_stage_of(bound, stage, stages),
        fields=bound.fields,
    )


def _does_not_fit(facts: Facts) -> _Bound | None:
    if facts.occupancy.programs_per_sm:
        return None
    limit = facts.occupancy.limited_by
    return _Bound(
        binds=limit,
        summary=f"One program does not fit an SM of the {facts.target.title} for want of {LIMIT_WORDS[limit]}.",
        fields=FIELDS_OF_LIMIT[limit],
    )


def _launch(facts: Facts) -> _Bound | None:
    measured = counters.time_us(facts)
    time = facts.estimate.time_us if measured is None else measured
    if time > 4 * LAUNCH_OVERHEAD_US:
        return None
    origin = "predicted" if measured is None else "measured"
    return _Bound(
        binds="launch",
        summary=f"The launch alone costs about {LAUNCH_OVERHEAD_US:g} of {time:.1f} us ({origin}).",
        fields=(),
    )


def _idle_sms(facts: Facts) -> _Bound | None:
    waves, target = facts.waves, facts.target
    if waves.programs < target.sm_count:
        return _Bound(
            binds="grid",
            summary=f"{waves.programs:,} programs cannot fill {target.sm_count} SMs.",
            fields=("split_k", "block_m", "block_n"),
        )
    per_sm = waves.programs / target.sm_count
    lost = 1 - per_sm / -(-waves.programs // target.sm_count)
    if lost < 0.2:
        return None
    return _Bound(
        binds="tail",
        summary=f"{per_sm:.2f} programs an SM: the last round leaves {lost:.0%} of the SMs' time unused (predicted).",
        fields=("split_k", "persistent", "block_m", "block_n"),
    )


def _spills(facts: Facts) -> _Bound | None:
    count, loop = spill_count(facts)
    if not count or count < 0.05 * loop:
        return None
    return _Bound(
        binds="spills",
        summary=f"{count} of the main loop's {loop} instructions move spilled registers.",
        fields=("block_m", "block_n", "num_warps"),
    )


def _dram(facts: Facts) -> _Bound | None:
    measured = facts.dram_pct()
    if measured is None and facts.share("dram") < NEAR_A_FLOOR:
        return None
    if measured is not None and measured < BUSY_DRAM_PCT:
        return None
    traffic = facts.estimate.traffic
    excess = traffic.dram_bytes / max(1.0, traffic.minimum_dram_bytes)
    fields: tuple[str, ...] = ()
    known = (
        f"{measured:g} % of peak (measured)"
        if measured is not None
        else f"{facts.share('dram'):.0%} of the time (predicted)"
    )
    if measured is None and _multiplies_uncounted(facts):
        said = "but the estimate knows its bytes alone: what it multiplies is not counted, since nothing lifted it"
    elif excess < 1.15:
        said = "with every byte moved about once, so only fewer bytes help"
    else:
        said = f"with {excess:.1f} times the bytes needed (predicted)"
        fields = ("program_order", "group_m", "block_m", "block_n")
    return _Bound(binds="dram", summary=f"DRAM is at {known}, {said}.", fields=fields)


def _multiplies_uncounted(facts: Facts) -> bool:
    """Whether the binary multiplies matrices, and the estimate has no floor for that."""
    if facts.build is None or "tensor" in facts.estimate.floors_us:
        return False
    return any("MMA" in opcode for opcode in facts.build.mix.loop)


def _layout(facts: Facts) -> _Bound | None:
    """Bank conflicts that were counted, or copies that turn an operand round and were predicted to take the time."""
    share = counters.conflict_share(facts)
    narrow, _ = counters.narrow_copies(facts)
    turned = bool(narrow) and facts.build is not None and "HGMMA" in facts.build.mix.loop
    if share is None:
        if not turned or facts.share("shared") < NEAR_A_FLOOR:
            return None
        known = f"shared memory takes {facts.share('shared'):.0%} of the time (predicted)"
    elif share < counters.MANY_CONFLICTS:
        return None
    else:
        known = f"bank conflicts fill {share:.0%} of the time (measured)"
    if not turned:
        return _Bound(
            binds="shared", summary=f"Lanes meet in banks of shared memory: {known}.", fields=FIELDS_OF_PIPE["shared"]
        )
    return _Bound(
        binds="shared",
        summary=f"Operand layout: an operand crosses into shared memory 4 bytes at a time, and {known}.",
        fields=FIELDS_OF_LAYOUT,
    )


def _busy_pipe(facts: Facts) -> _Bound | None:
    """A pipe that was measured near its peak."""
    tensor = facts.metrics.get(counters.TENSOR)
    if tensor is not None and tensor >= counters.BUSY_PIPE_PCT:
        said = (
            f"Tensor cores work {tensor:g} % of the cycles (measured): no schedule of the same arithmetic gains much."
        )
        return _Bound(binds="tensor", summary=said, fields=())
    busy = facts.metrics.get(counters.L2_THROUGHPUT)
    if busy is not None and busy >= counters.BUSY_PIPE_PCT:
        said = f"L2 is {busy:g} % busy (measured): larger tiles ask it for less."
        return _Bound(binds="l2", summary=said, fields=FIELDS_OF_PIPE["l2"])
    return None


def _waiting(facts: Facts) -> _Bound | None:
    """The reason for which warps were seen to wait."""
    top = counters.top_stall(facts)
    if top is None:
        return None
    binds, doing = counters.STALLS[top[0]]
    said = f"Warps {doing}: {top[1]:.1f} of them at each issue (measured)."
    return _Bound(binds=binds, summary=said, fields=FIELDS_OF_PIPE[binds])


def _too_few_warps(facts: Facts) -> _Bound | None:
    """Few resident warps explain idle SMs, unless the busiest pipe is near its floor with those few."""
    active, busy = facts.metrics.get(WARPS_ACTIVE), facts.metrics.get(SM_THROUGHPUT)
    can_be_active = 100 * facts.occupancy.fraction
    few = max(can_be_active, active if active is not None else 0.0) < ENOUGH_WARPS_PCT
    pipes = [facts.share(name) for name in facts.estimate.floors_us if name not in ("launch", "latency")]
    idle = busy < BUSY_SM_PCT if busy is not None else max(pipes, default=0.0) < NEAR_A_FLOOR
    if not few or not idle:
        return None
    limit, held = facts.occupancy.limited_by, facts.occupancy.programs_per_sm
    programs = f"{'One program' if held == 1 else f'{held} programs'} an SM"
    return _Bound(
        binds="occupancy",
        summary=f"{programs} for want of {LIMIT_WORDS[limit]}: too few warps to overlap loads with arithmetic.",
        fields=FIELDS_OF_LIMIT[limit],
    )


def _highest_floor(facts: Facts) -> _Bound:
    floors = {name: value for name, value in facts.estimate.floors_us.items() if name != "launch"}
    name = max(floors, key=lambda one: floors[one]) if floors else "launch"
    share = facts.share(name)
    fields = FIELDS_OF_PIPE.get(name, ())
    if name == "dram":
        fields = ("program_order", "group_m", "block_m", "block_n")
    end = "" if fields else "; no schedule of the same arithmetic gets below that"
    return _Bound(binds=name, summary=f"The {name} floor is {share:.0%} of the predicted time{end}.", fields=fields)


_RULES = (
    *(_does_not_fit, _launch, _idle_sms, _spills, _dram, _layout, _busy_pipe, _too_few_warps, _waiting),
    _highest_floor,
)


def _stage_evidence(bound: _Bound, stage: Stage | None) -> tuple[str, ...]:
    if stage is None or not bound.fields or set(bound.fields) & set(stage.fields):
        return ()
    groups = [[name for name in group if name in bound.fields] for group in stage.tunable]
    usable = [", ".join(group) for group in groups if group]
    if not usable:
        return (f"Stage {stage.name} owns none of {', '.join(bound.fields)}.",)
    choice = usable[0] if len(usable) == 1 else "either " + " or ".join(usable)
    return (f"Stage {stage.name} may move them only through an autotune list over {choice}.",)


def _stage_of(bound: _Bound, stage: Stage | None, stages: Sequence[Stage]) -> str:
    """Return the stage asked for if it owns a field that helps, else the owner of the field that helps most."""
    if stage is not None and set(bound.fields) & set(stage.fields):
        return stage.name
    owners = (one.name for field in bound.fields for one in stages if field in one.fields)
    return next(owners, "")
