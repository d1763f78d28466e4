"""The catalog as rows for tables. No drawing here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.targets.loader import entries, load, names
from tilewright.targets.schema import FIELDS, READ


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRow:
    """One line of the list of GPUs."""

    name: str
    title: str
    architecture: str
    compute_capability: str
    sm_count: int
    boost_clock_mhz: float
    dram_gb_per_s: float
    dram_gb: float
    """GB of 2**30 bytes."""
    fp32_tflops: float
    tf32_tflops: float | None
    fp16_tflops: float | None
    bf16_tflops: float | None
    shared_kb_per_sm: float
    """KB of 1024 bytes."""
    shared_kb_per_block: float
    """KB of 1024 bytes."""
    l2_mb: float
    """MB of 2**20 bytes."""
    read: Mapping[str, int]
    """How many of the numbers were read in the ``source`` itself, in a ``copy`` of it, or not at all (``none``)."""
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number of one GPU, in the unit of its file."""

    field: str
    value: float | str | None
    """``None`` where the chip has no such unit or no source is known."""
    unit: str
    source: str
    read: str
    """What was opened: the ``source`` itself, a ``copy`` of it, or ``none``; empty where there is no number."""


def gpu_rows() -> tuple[GpuRow, ...]:
    """Return one row a GPU, in the order of their names."""
    rows = []
    for name in names():
        target, aliases = entries()[name].target, entries()[name].aliases
        rows.append(
            GpuRow(
                name=name,
                title=target.title,
                architecture=target.architecture,
                compute_capability=".".join(map(str, target.compute_capability)),
                sm_count=target.sm_count,
                boost_clock_mhz=target.boost_clock_mhz,
                dram_gb_per_s=target.dram_gb_per_s,
                dram_gb=target.dram_bytes / 2**30,
                fp32_tflops=target.fp32_tflops,
                tf32_tflops=target.tf32_tflops,
                fp16_tflops=target.fp16_tflops,
                bf16_tflops=target.bf16_tflops,
                shared_kb_per_sm=target.shared_bytes_per_sm / 2**10,
                shared_kb_per_block=target.shared_bytes_per_block / 2**10,
                l2_mb=target.l2_bytes / 2**20,
                read={how: list(entries()[name].read.values()).count(how) for how in READ},
                aliases=aliases,
            )
        )
    return tuple(rows)


def gpu_facts(name: str) -> tuple[Fact, ...]:
    """Return every number of one GPU with its unit and source, in the order of the schema.

    Raises:
        UnknownGpuError: No such GPU.
    """
    target = load(name)
    read = entries()[target.name].read
    facts = []
    for field, form in FIELDS.items():
        value = getattr(target, field)
        if field == "compute_capability":
            value = ".".join(map(str, value))
        elif value is not None:
            value = value / form.scale
        source = target.sources.get(field, "")
        facts.append(Fact(field=field, value=value, unit=form.unit, source=source, read=read.get(field, "")))
    return tuple(facts)
