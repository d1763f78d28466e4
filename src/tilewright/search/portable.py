"""Build a finalist for other GPUs and dtypes than the one at hand, and say which entries do not run well there.

An emitted file outlives the run that made it: it is called with other types, and copied to machines with another GPU.
What spills there is worth less, but runs; what the target itself cannot launch in another type is no replacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from tilewright.capture import capture_variants
from tilewright.compiler import BuildJob, build_many
from tilewright.records.build import Build
from tilewright.records.launch import Capture, Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.trial import Refusal, Trial
from tilewright.search.accept import DTYPES, Original, fault_of, judge, refuted
from tilewright.search.analyse import Analysed
from tilewright.search.changes import describe
from tilewright.search.explore import LEAST_GAIN, Explored, write_and_build
from tilewright.search.session import Session

ARCHITECTURES = ((8, 0), (9, 0), (10, 0))
"""Compute capabilities that every entry of an emitted list is built for, besides the target's own: Ampere, Hopper and
Blackwell. Turing is left out: its tensor cores take no TF32, so that float32 products spill by nature."""

_SAME_BUILDS = {(8, 9): (8, 0)}
"""Ada to the capability that is built for in its place, or that it is built in the place of. Of the 19 entries in
examples/, float32 builds for both take the same registers and shared memory; float16 builds differ by at most 10
registers, and take fewer than those for float32 (Triton 3.9)."""

OLDEST_WITH_DESCRIPTORS = (9, 0)
"""Triton reads descriptors through pointers on older GPUs: a file with them runs there, and is not meant for them."""

BUILT_DTYPES = ("fp32", "fp16")
"""bfloat16 has float16's registers to the digit on every architecture that has both: one stands for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portability:
    """What building a finalist elsewhere showed."""

    fault: str
    """Why the file does not run for a dtype that the input runs for; empty if it does."""
    failing: Mapping[int, str]
    """Entries of the list that the target cannot launch in some dtype, or that somewhere do not build, each with the
    first place."""
    spilling: Mapping[int, str]
    """Entries that spill somewhere and fail nowhere, each with the first place."""

    def kept(self, times_us: Sequence[float]) -> list[int]:
        """The entries that stay, by number: those that spill elsewhere only where all others are slower here.

        Args:
            times_us: predicted on the target, of every entry.
        """
        running = [index for index in range(len(times_us)) if index not in self.failing]
        clean = [index for index in running if index not in self.spilling]

        def fastest_us(indices: Sequence[int]) -> float:
            return min((times_us[index] for index in indices), default=inf)

        return clean if clean and fastest_us(clean) <= LEAST_GAIN * fastest_us(running) else running


def portability(explored: Explored, before: Schedule, original: Original, session: Session) -> Portability:
    """Build every entry for every dtype the input compiles for, on the target and elsewhere.

    The entry that is the input's own configuration is left alone: it stays whatever it does elsewhere.
    """
    variants = capture_variants(
        explored.source, capture=original.capture, target=session.target, worker=session.capture_worker, dtypes=DTYPES
    )
    for dtype in DTYPES:
        fault = "" if dtype in original.refused_dtypes else fault_of(variants[dtype])
        if fault:
            return Portability(fault=f"does not compile for {dtype}: {fault}", failing={}, spilling={})
    places = [
        (dtype, capability, index, launch)
        for dtype in BUILT_DTYPES
        for capability in places_for(session.target.compute_capability)
        for index, launch in enumerate(_entries(variants[dtype], explored))
        if explored.candidate.schedules[index] != before
        and capability >= _oldest(explored.candidate.schedules[index], dtype)
    ]
    builds = build_many(
        [_job(launch, capability) for _, capability, _, launch in places], pool=session.pool, cache=session.cache
    )
    failing: dict[int, str] = {}
    spilling: dict[int, str] = {}
    most = session.target.shared_bytes_per_block
    for (dtype, capability, index, _), build in zip(places, builds, strict=True):
        place = f"for {dtype} on sm_{capability[0]}{capability[1]}"
        if not isinstance(build, Build):
            failing.setdefault(index, f"does not build {place}: {build.message}")
        elif capability == session.target.compute_capability and build.shared_bytes > most:
            failing.setdefault(index, f"takes {build.shared_bytes:,} of {most:,} bytes of shared memory {place}")
        elif build.spill_bytes:
            spilling.setdefault(index, f"spills {build.spill_bytes} bytes a thread {place}")
    spilling = {index: reason for index, reason in spilling.items() if index not in failing}
    return Portability(fault="", failing=failing, spilling=spilling)


def places_for(target: tuple[int, int]) -> list[tuple[int, int]]:
    """Compute capabilities to build for, the target's first.

    >>> places_for((8, 9))
    [(8, 9), (9, 0), (10, 0)]
    >>> places_for((9, 0))
    [(9, 0), (8, 0), (10, 0)]
    """
    known = _SAME_BUILDS.get(target, target)
    return [target, *(one for one in ARCHITECTURES if one != known)]


def _oldest(schedule: Schedule, dtype: str) -> tuple[int, int]:
    """The oldest compute capability that an entry is built for."""
    if schedule.descriptors:
        return OLDEST_WITH_DESCRIPTORS
    return (0, 0) if dtype == "fp16" else ARCHITECTURES[0]


def _entries(found: Capture, explored: Explored) -> list[Launch]:
    """One launch for each entry of the candidate's list."""
    kernel = explored.candidate.kernel
    launches = [launch for launch in found.launches if launch.kernel == kernel and launch.ttir]
    return launches[: len(explored.candidate.schedules)]


def _job(launch: Launch, capability: tuple[int, int]) -> BuildJob:
    return BuildJob(
        kernel=launch.kernel,
        ttir=launch.ttir,
        compute_capability=capability,
        num_warps=launch.num_warps,
        num_stages=launch.num_stages,
        num_ctas=launch.num_ctas,
        instructions=False,
    )


def judge_elsewhere(
    source: KernelSource, analysed: Analysed, found: Explored, original: Original, stage: Stage, session: Session
) -> tuple[Explored, Trial | None, list[Refusal]]:
    """Leave out the entries that fail elsewhere, or spill there where that costs nothing here, and judge the rest.

    Returns:
        What is left of ``found``, its trial (``None`` where nothing worth one is left), and what was left out.
    """
    kernel = found.candidate.kernel
    session.say(f"{stage.name}: building {kernel} for other GPUs and dtypes")
    elsewhere = portability(found, analysed.lifted.schedule, original, session)
    session.say(f"{stage.name}: proving {kernel} in Triton's interpreter")
    if elsewhere.fault:
        return found, refuted(found, elsewhere.fault), []
    kept = elsewhere.kept([one.time_us for one in found.estimates])
    whole = dict(enumerate(found.candidate.schedules))
    dropped = [
        Refusal(what=f"{kernel}: {describe(whole[index])}", reason=reason)
        for index, reason in {**elsewhere.failing, **elsewhere.spilling}.items()
        if index not in kept
    ]
    if not kept:
        return found, refuted(found, f"no entry runs everywhere: the first {dropped[0].reason}"), dropped[1:]
    if dropped:
        again = write_and_build(
            source, analysed, tuple(whole[index] for index in kept), original.capture, stage, session
        )
        if isinstance(again, Refusal):
            return found, None, [*dropped, again]
        if again.ratio <= LEAST_GAIN:
            what = f"{kernel}: {describe(whole[kept[0]])}"
            return (
                found,
                None,
                [*dropped, Refusal(what=what, reason=f"what is left is predicted at {again.ratio:.2f}x")],
            )
        found = again
    notes = tuple(
        f"{describe(whole[index])}: {elsewhere.spilling[index]}" for index in kept if index in elsewhere.spilling
    )
    return found, replace(judge(found, original), elsewhere=notes), dropped
