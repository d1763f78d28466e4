"""The catalog of GPUs as tables."""

from __future__ import annotations

from tilewright import targets
from tilewright.report import words
from tilewright.report.section import Line, Report, Section, Table


def gpus_info() -> Report:
    """One row a GPU."""
    rows = tuple(
        (
            row.name,
            row.compute_capability,
            str(row.sm_count),
            f"{row.dram_gb_per_s:,.0f}",
            *(_number(rate) for rate in (row.fp32_tflops, row.tf32_tflops, row.fp16_tflops)),
            f"{row.l2_mb:g}",
            f"{row.shared_kb_per_block:g}",
            row.title,
        )
        for row in targets.gpu_rows()
    )
    columns = ("name", "cc", "SMs", "GB/s", "FP32", "TF32", "FP16", "L2 MB", "KB", "title")
    about = f"{words.count(len(rows), 'GPU')}; rates in dense TFLOP/s; KB: shared memory that one program may take"
    return Report(
        sections=(
            Section(title="GPUS", about=about, parts=(Table(columns=columns, rows=rows, numeric=columns[1:-1]),)),
        ),
        conclusion=Line(label="More", text="`tilewright gpus NAME` shows every number of one with its source"),
    )


def gpu_info(name: str) -> Report:
    """Every number of one GPU with its unit and source.

    Raises:
        UnknownGpuError: no such GPU.
    """
    target = targets.load(name)
    rows = tuple(
        (fact.field, _number(fact.value), fact.unit, fact.source or "not known") for fact in targets.gpu_facts(name)
    )
    aliases = next((row.aliases for row in targets.gpu_rows() if row.name == target.name), ())
    columns = ("field", "value", "unit", "source")
    parts = (
        Line(label="name", text=target.name),
        Line(label="also", text=", ".join(aliases) or words.NONE),
        Line(label="chip", text=target.architecture),
        Table(columns=columns, rows=rows, numeric=("value",)),
    )
    return Report(sections=(Section(title=target.title, parts=parts),))


def _number(value: float | str | None) -> str:
    if value is None:
        return words.NONE
    return value if isinstance(value, str) else f"{value:,.10g}"
