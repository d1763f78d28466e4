"""Fit the constants of ``tilewright.cost.constants`` that no document states, and show how far they carry.

    python benchmarks/fit_cost_model.py

Prints the best constants over all rows of the data, then the errors of rows whose tile, or whose GPU and code
path, took no part in the fit. The constants in the source are these, rounded.
"""

from __future__ import annotations

import json
from collections import Counter
from math import exp, log
from statistics import median
from typing import Any

from cost_model import DATA, build_of, path_of, quantile, target_of, work_of

from tilewright.cost import constants, estimate, pipes
from tilewright.records.target import Target

NAMES = (
    "OVERLAP_AT_ONE_WARP",
    "OVERLAP_WARP_POWER",
    "MMA_SYNC_SHARE_OF_WGMMA",
    "TRANSPOSED_COPY_CYCLES",
    "LOADED_LATENCY_CYCLES",
    "PRODUCTS_AFTER_COPY",
)
START = (0.6, 0.5, 0.62, 16.0, 300.0, 0.3)
Row = tuple[dict[str, Any], Target]
Values = tuple[float, ...]


def rows() -> list[Row]:
    """Return every timed row with its target."""
    found = []
    for path in sorted(DATA.glob("*_contractions.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found += [(row, target_of(content["target"])) for row in content["rows"]]
    return found


def errors(values: Values, data: list[Row]) -> list[float]:
    """Return the log error of each row under the given constants: by its schedule alone, then by its binary."""
    for name, value in zip(NAMES, values, strict=True):
        for module in (constants, pipes):
            if hasattr(module, name):
                setattr(module, name, value)
    return [
        log(estimate(work_of(row), target, known).time_us / row["time_us"])
        for row, target in data
        for known in (path_of(row, target), build_of(row) or path_of(row, target))
    ]


def loss(values: Values, data: list[Row]) -> float:
    """Return the sum of errors to the power 1.5, each cut off at 0.4: one bad timing must not lead the fit.

    Rows of one GPU and code path weigh one over the square root of their number: a sweep of one problem counts for
    more than a few rows of another chip, but not for thirty times as much.
    """
    keys = [(target.name, row["code"]) for row, target in data for _ in range(2)]
    sizes = Counter(keys)
    found = zip(keys, errors(values, data), strict=True)
    return sum(min(abs(error), 0.4) ** 1.5 / sizes[key] ** 0.5 for key, error in found)


def fit(data: list[Row], sweeps: int) -> Values:
    """Return the constants of least loss, by moving one at a time by ever smaller factors."""
    values, best = START, loss(START, data)
    steps = [0.2] * len(NAMES)
    for _ in range(sweeps):
        for place in range(len(NAMES)):
            for factor in (1 + steps[place], 1 / (1 + steps[place])):
                moved = tuple(v * factor if i == place else v for i, v in enumerate(values))
                found = loss(moved, data)
                if found < best:
                    values, best = moved, found
                    break
            else:
                steps[place] /= 2
    return values


def left_out(data: list[Row], keys: list[object], sweeps: int) -> None:
    """Print the errors of each group of rows under constants fitted to all others."""
    unseen: list[float] = []
    for key in dict.fromkeys(keys):
        mine = [row for row, of in zip(data, keys, strict=True) if of == key]
        others = [row for row, of in zip(data, keys, strict=True) if of != key]
        values = fit(others, sweeps)
        found = [abs(error) for error in errors(values, mine)]
        unseen += found
        if len(mine) > 5:
            shown = ", ".join(f"{value:.2f}" for value in values)
            print(f"  without {key}: ({shown}), median x{exp(median(found)):.2f}, worst x{exp(max(found)):.2f}")
    print(f"  all unseen rows: median x{exp(median(unseen)):.2f}, 90th percentile x{exp(quantile(unseen, 0.9)):.2f}")


def main() -> None:
    """Print the fit and what it is worth on rows it did not see."""
    data = rows()
    for name, value in zip(NAMES, fit(data, 12), strict=True):
        print(f"{name} = {value:.3f}")
    print("one tile left out at a time:")
    left_out(data, [(t.name, r["code"], r["block_m"], r["block_n"]) for r, t in data], 6)
    print("one GPU and code path left out at a time:")
    left_out(data, [(t.name, r["code"]) for r, t in data], 6)


if __name__ == "__main__":
    main()
