"""A run's document as one HTML page or as Markdown: ``page_info`` computes, the rest draws."""

from tilewright.report.page.info import page_info
from tilewright.report.page.model import Page
from tilewright.report.page.render import render_frame, render_page

__all__ = ["Page", "page_info", "render_frame", "render_page"]
