"""Rules for Triton kernel files: what is wrong, where, and the fix where one is safe."""

from tilewright.lint.discovery import all_rules
from tilewright.lint.engine import check, chosen_rules, fix
from tilewright.lint.render import render_github, render_json, render_text

__all__ = ["all_rules", "check", "chosen_rules", "fix", "render_github", "render_json", "render_text"]
