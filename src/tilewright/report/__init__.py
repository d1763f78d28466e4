"""What people and programs read of a run: computed as plain rows first, then drawn, or written as JSON."""

from tilewright.report.inspection_info import inspection_info
from tilewright.report.progress import progress
from tilewright.report.render import render_text
from tilewright.report.run_info import run_info
from tilewright.report.show import (
    render_inspection_json,
    render_run_text,
    show_gpu,
    show_gpus,
    show_inspection,
    show_run,
    write_json,
)

__all__ = [
    "inspection_info",
    "progress",
    "render_inspection_json",
    "render_run_text",
    "render_text",
    "run_info",
    "show_gpu",
    "show_gpus",
    "show_inspection",
    "show_run",
    "write_json",
]
