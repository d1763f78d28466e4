"""What people and programs read of a run: computed as plain rows first, then drawn, or written as JSON."""

from tilewright.report.bench_info import bench_info, comparison_line
from tilewright.report.inspection_info import inspection_info
from tilewright.report.profile_info import profile_info
from tilewright.report.progress import progress
from tilewright.report.render import render_text
from tilewright.report.run_info import run_info
from tilewright.report.show import (
    render_comparison_text,
    render_inspection_json,
    render_run_text,
    render_runs_json,
    render_verification_text,
    show_comparison,
    show_gpu,
    show_gpus,
    show_inspection,
    show_profile,
    show_run,
    show_runs,
    show_verification,
    write_certificate,
    write_comparison_json,
    write_json,
    write_verification_json,
)
from tilewright.report.shown import Speedup, optimized_frame, optimized_html, optimized_markdown, speedup_of
from tilewright.report.verification_info import verdict_line, verification_info

__all__ = [
    "Speedup",
    "bench_info",
    "comparison_line",
    "inspection_info",
    "optimized_frame",
    "optimized_html",
    "optimized_markdown",
    "profile_info",
    "progress",
    "render_comparison_text",
    "render_inspection_json",
    "render_run_text",
    "render_runs_json",
    "render_text",
    "render_verification_text",
    "run_info",
    "show_comparison",
    "show_gpu",
    "show_gpus",
    "show_inspection",
    "show_profile",
    "show_run",
    "show_runs",
    "show_verification",
    "speedup_of",
    "verdict_line",
    "verification_info",
    "write_certificate",
    "write_comparison_json",
    "write_json",
    "write_verification_json",
]
