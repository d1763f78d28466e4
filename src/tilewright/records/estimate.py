"""Predicted time, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Provenance(StrEnum):
    """Where a number comes from. A measured and a predicted number are never mixed."""

    MEASURED = "measured"
    PREDICTED = "predicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """Resident programs and warps of one SM, and which resource stops there being more."""

    programs_per_sm: int
    warps_per_sm: int
    fraction: float
    """Resident warps over the most the SM can hold, 0 to 1."""
    limits: Mapping[str, int]
    """Programs each resource alone would allow: ``shared_memory``, ``registers``, ``warps``, ``blocks``."""
    limited_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waves:
    """How the grid falls on the SMs."""

    programs: int
    programs_per_wave: int
    waves: float
    efficiency: float
    """Share of the program slots of all waves that hold work, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes moved through each level by one launch."""

    dram_bytes: float
    l2_bytes: float
    shared_bytes: float
    minimum_dram_bytes: float
    """Every input read once and every output written once."""
    l2_hit_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A predicted time with the floor of each resource. ``low_us`` to ``high_us`` is what the model itself doubts."""

    time_us: float
    low_us: float
    high_us: float
    binds: str
    """The resource whose floor is highest: ``tensor``, ``fp32``, ``dram``, ``l2``, ``shared``, ``latency``, …"""
    floors_us: Mapping[str, float]
    occupancy: Occupancy
    waves: Waves
    traffic: Traffic
    provenance: Provenance = Provenance.PREDICTED
