"""Find out what a file launches, what each launch computes, and what binds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.compiler import BuildJob, build_many
from tilewright.cost import estimate
from tilewright.cost.diagnose import diagnose
from tilewright.families import Family, lift
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.launch import Capture, Launch
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import KernelAnalysis, Lifted
from tilewright.search.session import Session
from tilewright.stages import all_stages

OVERWRITES = "this version of Triton writes registers that its wgmma may still read (triton-lang/triton issue 9433)"
"""Why a build with ``overwrites_operands`` is refused, however fast it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """One launch with the family that can rewrite it. Of an autotuned launch, the configuration predicted fastest."""

    family: Family
    lifted: Lifted
    analysis: KernelAnalysis


def build_launches(launches: Sequence[Launch], session: Session) -> list[Build | BuildFailure]:
    """Build each launch for the session's target; a launch that did not compile to IR is a failure with its error.

    A build that asks for more shared memory than the target has is a failure too: Triton itself would find that out
    only when it loads the binary.
    """
    capability = session.target.compute_capability
    jobs = [
        BuildJob(
            kernel=launch.kernel,
            ttir=launch.ttir,
            compute_capability=capability,
            num_warps=launch.num_warps,
            num_stages=launch.num_stages,
            num_ctas=launch.num_ctas,
        )
        for launch in launches
        if launch.ttir
    ]
    built = iter(build_many(jobs, pool=session.pool, cache=session.cache))
    return [
        fits(next(built), session.target)
        if launch.ttir
        else BuildFailure(
            kernel=launch.kernel, compute_capability=capability, kind="compile_error", message=launch.error
        )
        for launch in launches
    ]


def fits(build: Build | BuildFailure, target: Target) -> Build | BuildFailure:
    """Return the build, or why it cannot run on the target."""
    if isinstance(build, Build) and build.shared_bytes > target.shared_bytes_per_block:
        return BuildFailure(
            kernel=build.kernel,
            compute_capability=build.compute_capability,
            kind="out_of_resources",
            message=f"asks for {build.shared_bytes} bytes of shared memory; {target.title} gives a program at most "
            f"{target.shared_bytes_per_block}",
        )
    return build


def analyse(
    capture: Capture, session: Session, *, metrics: Mapping[str, Mapping[str, float]], stage: Stage
) -> tuple[Analysed, ...]:
    """Analyse every launch of a forward call, in order; configurations of an autotuned launch become one entry."""
    builds = build_launches(capture.launches, session)
    found: dict[int, list[Analysed]] = {}
    for launch, build in zip(capture.launches, builds, strict=True):
        one = _analyse_launch(launch, build, session.target, metrics.get(launch.kernel, {}), stage)
        found.setdefault(launch.ordinal, []).append(one)
    return tuple(min(group, key=_predicted_us) for _, group in sorted(found.items()))


def _analyse_launch(
    launch: Launch, build: Build | BuildFailure, target: Target, metrics: Mapping[str, float], stage: Stage
) -> Analysed:
    family, lifted = lift(launch)
    predicted: Estimate | None = None
    diagnosis = None
    if isinstance(build, Build):
        predicted = estimate(family.work(lifted, lifted.schedule, launch, as_input=True), target, build)
        diagnosis = diagnose(
            kernel=launch.kernel,
            build=build,
            occupancy=predicted.occupancy,
            waves=predicted.waves,
            estimate=predicted,
            metrics=metrics,
            target=target,
            stage=stage,
            stages=all_stages(),
        )
    analysis = KernelAnalysis(
        launch=launch,
        algorithm=lifted.algorithm,
        build=build,
        estimate=predicted,
        diagnosis=diagnosis,
        schedule=lifted.schedule,
    )
    return Analysed(family=family, lifted=lifted, analysis=analysis)


def _predicted_us(one: Analysed) -> float:
    return one.analysis.estimate.time_us if one.analysis.estimate else float("inf")
