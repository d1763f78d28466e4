"""What people and programs read of a run: computed as plain rows first, then drawn, or written as JSON."""

from tilewright.report.inspection_info import inspection_info
from tilewright.report.profile_info import profile_info
from tilewright.report.progress import progress
from tilewright.report.render import render_text
from tilewright.report.run_info import run_info
from tilewright.report.show import (
    render_inspection_json,
    render_run_text,
    render_verification_text,
    show_gpu,
    show_gpus,
    show_inspection,
    show_profile,
    show_run,
    show_verification,
    write_certificate,
    write_json,
    write_verification_json,
)
from tilewright.report.verification_info import verdict_line, verification_info

__all__ = [
    "inspection_info",
    "profile_info",
    "progress",
    "render_inspection_json",
    "render_run_text",
    "render_text",
    "render_verification_text",
    "run_info",
    "show_gpu",
    "show_gpus",
    "show_inspection",
    "show_profile",
    "show_run",
    "show_verification",
    "verdict_line",
    "verification_info",
    "write_certificate",
    "write_json",
    "write_verification_json",
]
