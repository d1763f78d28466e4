"""Build a finalist for other GPUs and dtypes than the one at hand, and leave out what spills there.

An emitted file outlives the run that made it: it is called with half types, and copied to machines with another GPU.
A tile that only just fits the registers of one target is no gain when the next one spills it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.capture import capture_variants
from tilewright.compiler import BuildJob, build_many
from tilewright.records.build import Build
from tilewright.records.launch import Capture, Launch
from tilewright.records.schedule import Schedule
from tilewright.search.accept import DTYPES, Original, fault_of
from tilewright.search.explore import Explored
from tilewright.search.session import Session

ARCHITECTURES = ((8, 0), (8, 9), (9, 0), (10, 0))
"""Compute capabilities that every entry of an emitted list is built for, besides the target's own: Ampere, Ada, Hopper
and Blackwell. Turing is left out: its tensor cores take no TF32, so that float32 products spill by nature."""

OLDEST_WITH_DESCRIPTORS = (9, 0)
"""Triton reads descriptors through pointers on older GPUs: a file with them runs there, and is not meant for them."""

BUILT_DTYPES = ("fp32", "fp16")
"""bfloat16 has float16's registers to the digit on every architecture that has both: one stands for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portability:
    """What building a finalist elsewhere showed."""

    fault: str
    """Why the file does not run for a dtype that the input runs for; empty if it does."""
    spilling: Mapping[int, str]
    """Entries of the list that spill somewhere, each with the first place."""


def portability(explored: Explored, before: Schedule, original: Original, session: Session) -> Portability:
    """Build every entry for every dtype the input compiles for, on the target and on ARCHITECTURES.

    The entry that is the input's own configuration is left alone: it stays whatever it does elsewhere.
    """
    variants = capture_variants(
        explored.source, capture=original.capture, target=session.target, worker=session.capture_worker, dtypes=DTYPES
    )
    for dtype in DTYPES:
        fault = "" if dtype in original.refused_dtypes else fault_of(variants[dtype])
        if fault:
            return Portability(fault=f"does not compile for {dtype}: {fault}", spilling={})
    places = [
        (dtype, capability, index, launch)
        for dtype in BUILT_DTYPES
        for capability in dict.fromkeys((session.target.compute_capability, *ARCHITECTURES))
        for index, launch in enumerate(_entries(variants[dtype], explored))
        if explored.candidate.schedules[index] != before
        and capability >= _oldest(explored.candidate.schedules[index], dtype)
    ]
    builds = build_many(
        [_job(launch, capability) for _, capability, _, launch in places], pool=session.pool, cache=session.cache
    )
    spilling: dict[int, str] = {}
    for (dtype, capability, index, _), build in zip(places, builds, strict=True):
        place = f"for {dtype} on sm_{capability[0]}{capability[1]}"
        if not isinstance(build, Build):
            spilling.setdefault(index, f"does not build {place}: {build.message}")
        elif build.spill_bytes:
            spilling.setdefault(index, f"spills {build.spill_bytes} bytes a thread {place}")
    return Portability(fault="", spilling=spilling)


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
