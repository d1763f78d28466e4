"""A workbench whose times were measured: those of the schedules timed on an H200 (benchmarks/data), noise included."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tilewright.prove.reference import verified_file
from tilewright.records.launch import Capture
from tilewright.records.profile import Profile
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.timing import Comparison, Decision, Interval, Screening, TimedFile
from tilewright.records.verdict import Status, Verdict
from tilewright.records.verification import Claim, Verification
from tilewright.search.measured import Untimed

ROOT = Path(__file__).parents[3]
INPUT_US = 2611.0
Key = tuple[int, int, int, int, int]


DESCRIBED_US = {(128, 256, 32, 8, 4): 384.0}
"""Of the hand-written form with descriptors, the copy of one operand included; no other was measured."""
NARROWED_US = {(128, 256, 64, 8, 3): 270.0}
"""Of the hand-written form with descriptors on narrowed operands, copies and fallback included; no other was measured.
"""


def sweep() -> dict[Key, float]:
    """Tile, warps and stages to the time of the fastest program order that was measured with them."""
    rows = json.loads((ROOT / "benchmarks/data/h200_sweep_contractions.json").read_text())["rows"]
    names = ("block_m", "block_n", "block_k", "num_warps", "num_stages")
    found: dict[Key, float] = {}
    for row in rows:
        if row["code"] == "sm_90":
            key = tuple(row[name] for name in names)
            found[key] = min(row["time_us"], found.get(key, float("inf")))
    return found


def schedule_in(text: str) -> Key | None:
    """What the launch of a written file passes, or its list's first entry; ``None`` for a file of someone else's."""
    text = re.sub(r"^def \w+_operand\(.*?\n\n\n", "", text, flags=re.DOTALL | re.MULTILINE)  # it launches the packing
    text = re.sub(r"\w+_scales\[.*?\n    \)\n", "", text, flags=re.DOTALL)
    if "triton.autotune" in text:
        text = text.replace('"BLOCK_', "BLOCK_").replace('": ', "=")
    found = re.findall(r"\b(BLOCK_M|BLOCK_N|BLOCK_K|num_warps|num_stages)=(\d+)", text)
    values = dict(reversed(found))
    if len(values) < 5:
        return None
    return tuple(int(values[name]) for name in ("BLOCK_M", "BLOCK_N", "BLOCK_K", "num_warps", "num_stages"))


@dataclass
class MeasuredBench:
    """Answers from a table; a schedule that is not in it takes ``unknown_us``."""

    times: dict[Key, float] = field(default_factory=sweep)
    unknown_us: float = 3000.0
    verdict_of: Callable[[str], Verdict] = lambda text: Verdict(status=Status.PROVED, checks=(), reason="")
    confirms: bool = True
    device: str = "NVIDIA H200"
    notes: tuple[str, ...] = ()
    profile_of: Callable[[KernelSource], Profile | None] = lambda source: None
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    profiled: list[str] = field(default_factory=list)
    screened: list[str] = field(default_factory=list)
    proofs: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    compared: list[tuple[str, str]] = field(default_factory=list)

    def time_us(self, text: str) -> float:
        """With 0.3 % of noise."""
        key = schedule_in(text)
        described = NARROWED_US if "_narrow[" in text else DESCRIBED_US
        copied = "_pack[" in text or "_narrow[" in text
        times = described if "TensorDescriptor" in text else {} if copied else self.times
        true = INPUT_US if key is None else times.get(key, self.unknown_us)
        return true * self.rng.gauss(1.0, 0.003)

    def prepare(self, capture: Capture, uncompilable_dtypes: Sequence[str]) -> None:
        """Nothing has to run first."""

    def screen(self, baseline: str, candidates: Sequence[str], *, limit_s: float) -> Sequence[Screening]:
        """Times from the table."""
        base = self.time_us(baseline)
        found = []
        for text in candidates:
            self.screened.append(text)
            own = self.time_us(text)
            found.append(Screening(sha256=_hash(text), time_us=_interval(own), ratio=_interval(base / own)))
        return found

    def prove(self, candidate: str, *, dtypes: Sequence[str] = ()) -> Verification:
        """As ``verdict_of`` says."""
        self.proofs.append((candidate, tuple(dtypes)))
        claim = Claim(candidate=verified_file("candidate.py", candidate), dtypes=tuple(dtypes))
        return Verification(claim=claim, verdict=self.verdict_of(candidate))

    def compare(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """Times from the table, and what they say at a noise floor of 1 %."""
        self.compared.append((baseline, candidate))
        base, own = self.time_us(baseline), self.time_us(candidate)
        ratio = _interval(base / own)
        decision = Decision.SAME
        if ratio.low > 1.01:
            decision = Decision.FASTER
        elif ratio.high < 0.99:
            decision = Decision.SLOWER
        return Comparison(
            baseline=_file(baseline, base),
            candidate=_file(candidate, own),
            decision=decision,
            ratio=ratio,
            warm_ratio=ratio,
            noise_floor=0.01,
            pairs=24,
            device=self.device,
        )

    def confirm(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """The same, unless this bench does not confirm."""
        if not self.confirms:
            return self.compare(baseline, baseline, limit_s=limit_s)
        return self.compare(baseline, candidate, limit_s=limit_s)

    def profile(self, source: KernelSource, stages: Sequence[Stage]) -> Profile | None:
        """As ``profile_of`` says."""
        self.profiled.append(source.text)
        return self.profile_of(source)


def _interval(value: float) -> Interval:
    return Interval(value=value, low=value * 0.996, high=value * 1.004)


def _file(text: str, time_us: float) -> TimedFile:
    interval = _interval(time_us)
    return TimedFile(sha256=_hash(text), cold_us=interval, warm_us=interval, graph_us=interval, host_us=None)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
