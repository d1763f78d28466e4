"""Print a report's launches as JSON, by the profiler's own Python reader: a process of its own.

``python -m tilewright.profiling.ncu_reader REPORT``: one line, a list of launches, each with ``kernel`` and
``metrics``: name to value and unit.
The reader (``ncu_report``) is the vendor's, and comes with the profiler or as the package ``ncu-report``.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from typing import Any


def main(arguments: list[str]) -> int:
    """Exit code 0 where the report could be read."""
    try:
        reader = importlib.import_module("ncu_report")
    except ImportError:
        return 3
    report = reader.load_report(arguments[0])
    print(json.dumps([_launch(action) for part in _ranges(report) for action in _actions(part)]))
    return 0


def _ranges(report: Any) -> list[Any]:
    return [report.range_by_idx(index) for index in range(report.num_ranges())]


def _actions(part: Any) -> list[Any]:
    return [part.action_by_idx(index) for index in range(part.num_actions())]


def _launch(action: Any) -> dict[str, Any]:
    found = {}
    for name in action.metric_names():
        metric = action.metric_by_name(name)
        value = None if metric is None else metric.value()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[name] = [value, str(metric.unit() or "")]
    return {"kernel": action.name(), "metrics": found}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
