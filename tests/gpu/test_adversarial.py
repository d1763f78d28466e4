"""Every hostile file is refused, and every honest one proved, on a real GPU.

Run by hand where there is a GPU: ``python -m pytest tests/gpu/test_adversarial.py``. With ``TILEWRIGHT_RESULTS`` set,
the outcomes are written there as JSON, also those of files that disappoint; with ``-n``, one file a process.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import corpus
import judging
import pytest
import torch

import tilewright

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

FILES = [
    pytest.param(e, id=f"{e.kind}/{e.name}", marks=pytest.mark.xdist_group(e.reference))
    for e in (*corpus.hostile(), *corpus.honest())
]
SEED = secrets.randbits(31)
"""One for all files of a run, so that those with one reference share its runs."""
Outcomes = list[dict[str, object]]


@pytest.fixture(scope="module")
def on_gpu() -> Iterator[tilewright.Verifier]:
    with tilewright.Verifier(device="cuda", allow_unsandboxed=True, workers=1, memory_fraction=0.4) as made:
        yield made


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """What was found so far; written to the results file after each one, so that a crash leaves the rest."""
    found: Outcomes = []
    yield found
    print(f"{sum(line['complaint'] == '' for line in found)} of {len(found)} as expected")


def write(outcomes: Outcomes) -> None:
    target = os.environ.get("TILEWRIGHT_RESULTS")
    if target:
        target += os.environ.get("PYTEST_XDIST_WORKER", "gw0")
        facts = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "files": outcomes}
        part = Path(f"{target}.new")
        part.write_text(json.dumps(facts, indent=1) + "\n")
        part.replace(target)


@pytest.mark.parametrize("entry", FILES)
def test_judged_rightly(entry: corpus.Entry, outcomes: Outcomes, on_gpu: tilewright.Verifier) -> None:
    result = judging.verify(on_gpu, entry, seed=SEED)
    outcomes.append(judging.outcome(entry, result))
    write(outcomes)
    assert judging.complaint(entry, result) == ""
