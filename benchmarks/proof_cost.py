"""How long a proof takes: candidates for the reference problem, in the interpreter or on the GPU.

    python benchmarks/proof_cost.py --device none --json benchmarks/results/proof_cost_interpreter.json
    python benchmarks/proof_cost.py --device cuda --json benchmarks/results/proof_cost_h200.json

Each candidate is another kernel to Triton (another constant in its source), so that nothing comes out of a cache. The
originals' runs are told apart: they are made once for all candidates. ``--parts`` adds where each candidate's seconds
went: stages as the parent saw them, and for each worker what was written, run and read, with its calls' own parts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from tilewright import __version__, source, targets
from tilewright.prove.reference import read_reference_file, verified_file
from tilewright.prove.verifier import Verifier
from tilewright.records.verification import Claim, Verification
from tilewright.search.operations import operations_of
from tilewright.workers import best_sandbox

ROOT = Path(__file__).parent.parent
REFERENCE = "examples/seed/reference.py"


def variants(text: str, count: int) -> list[str]:
    """``text`` with another constant in each kernel, which changes nothing but its hash."""
    mark = "    pid = tl.program_id" if "    pid = tl.program_id" in text else "    pid_m = tl.program_id"
    assert mark in text
    return [text.replace(mark, f"    unused_{n} = {n}\n{mark}", 1) for n in range(count)]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("none", "cuda"), default="none")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    original = source.read_request(str(ROOT / "examples/seed/prompt.txt")).source.text
    tuned = (ROOT / "examples/seed/output.py").read_text()
    grouped = (ROOT / "tests/data/seed_grouped.py").read_text()
    claim = Claim(
        candidate=verified_file("candidate.py", original),
        reference=read_reference_file(str(ROOT / REFERENCE)),
        original=verified_file("original.py", original),
    )
    rows: list[dict[str, Any]] = []
    verifier = Verifier(
        target=targets.load("4090"),
        version=__version__,
        device=given.device,
        sandbox=str(best_sandbox()),
        workers=given.workers,
        operations_of=operations_of,
    )
    with verifier:
        for name, text in (("one configuration", grouped), ("four autotune entries", tuned)):
            for number, each in enumerate(variants(text, given.count + 1)):
                began = time.monotonic()
                file = verified_file(f"{name} {number}", each)
                found = verifier.verify(
                    Claim(candidate=file, reference=claim.reference, original=claim.original), timeout_s=60.0
                )
                rows.append(
                    {
                        "candidate": name,
                        "warm": number > 0,
                        "status": str(found.verdict.status),
                        "reason": found.verdict.reason,
                        "checks": len(found.verdict.checks),
                        "candidate_s": round(found.times_s["candidate"], 3),
                        "all_s": round(time.monotonic() - began, 3),
                        "parts_s": {part: round(seconds, 3) for part, seconds in found.times_s.items()},
                    }
                )
                print(rows[-1], flush=True)
                if given.parts:
                    rows[-1]["where"] = verifier.parts
                write(given.json, found, given.workers, rows)
    for name in dict.fromkeys(row["candidate"] for row in rows):
        print(name, summary(rows, name))
    if any(row["status"] != "proved" for row in rows):
        raise SystemExit("a file that is right was not proved")


def summary(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Seconds of the warm candidates of one kind."""
    warm = [row["candidate_s"] for row in rows if row["candidate"] == name and row["warm"]]
    return {"median_s": statistics.median(warm), "slowest_s": max(warm), "candidates": len(warm)} if warm else {}


def write(path: Path | None, found: Verification, workers: int | None, rows: list[dict[str, Any]]) -> None:
    """Write what was measured so far: a run that is cut short leaves that."""
    if path is None:
        return
    told: dict[str, Any] = {
        "device": found.device,
        "driver": found.driver,
        "versions": dict(found.versions),
        "sandbox": best_sandbox().name,
        "workers": workers,
        "rows": rows,
    }
    told |= {name: summary(rows, name) for name in dict.fromkeys(row["candidate"] for row in rows)}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told, indent=1, default=str) + "\n")
    part.rename(path)


if __name__ == "__main__":
    main()
