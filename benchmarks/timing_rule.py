"""What the rule that ends a comparison decides, in simulation: the table of docs/timing.md.

python benchmarks/timing_rule.py --json benchmarks/results/timing_rule.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/timing"))

from noise import simulated  # noqa: E402

CASES = (
    # noise of one call, true ratio, noise floor
    (0.005, 1.0, 0.01), (0.02, 1.0, 0.01), (0.04, 1.0, 0.01),
    (0.01, 1 / 1.03, 0.01), (0.02, 1 / 1.03, 0.01), (0.04, 1 / 1.03, 0.01), (0.02, 1.03, 0.01),
    (0.02, 1.0, 0.0), (0.01, 1.01, 0.01),
)  # fmt: skip


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for number, (sigma, ratio, floor) in enumerate(CASES):
        rng = np.random.default_rng([given.seed, number])
        found = [simulated(rng, ratio=ratio, sigma=sigma, floor=floor) for _ in range(given.runs)]
        row = {
            "noise_of_a_call": sigma,
            "true_ratio": ratio,
            "noise_floor": floor,
            "decisions": dict(Counter(decision.value for decision, _ in found)),
            "median_blocks": statistics.median(blocks for _, blocks in found),
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    if given.json:
        told = {"provenance": "simulated", "runs": given.runs, "seed": given.seed, "rows": rows}
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
