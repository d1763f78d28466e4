"""What a run is a function of is kept whole, and its reference is found again, or kept too."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tilewright import source, targets
from tilewright.api.job import Job, job_of, kept_request, with_its_reference
from tilewright.errors import StoreError

PROMPT = Path(__file__).parents[2] / "examples" / "seed" / "prompt.txt"
REFERENCE = "class Model: ...\n"


@pytest.fixture
def job() -> Job:
    request = source.read_request(str(PROMPT))
    target = targets.load("rtx4090", request.target_overrides)
    return Job(request=request, target=target, stage="all", precision="same", device="none", seed=2**63 - 1)


@pytest.fixture
def with_reference(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """As a command in a folder would have it, with a path that starts there."""
    (tmp_path / "reference.py").write_text(REFERENCE)
    monkeypatch.chdir(tmp_path)
    request = replace(job.request, reference_path="reference.py")
    return replace(job, request=request, reference=REFERENCE, folder=str(tmp_path))


def test_a_job_comes_back_whole(with_reference: Job) -> None:
    kept = kept_request(with_reference)
    assert job_of(json.loads(json.dumps(kept, allow_nan=False))) == with_reference
    shown = {name: kept[name] for name in ("path", "gpu", "device", "stage")}
    assert shown == {"path": str(PROMPT), "gpu": "rtx4090", "device": "none", "stage": "all"}


@pytest.mark.parametrize("kept", [{}, {"job": {"seed": 1}}, {"job": []}, {"job": None}])
def test_a_job_in_another_form(kept: dict[str, object]) -> None:
    with pytest.raises(StoreError, match=r"kept by another Tilewright, .*; run `tilewright optimize` again"):
        job_of(kept)


def test_a_job_without_a_reference(job: Job) -> None:
    with with_its_reference(job) as request:
        assert request == job.request


def test_a_reference_that_is_still_there(with_reference: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with with_its_reference(with_reference) as request:
        assert request == with_reference.request
    monkeypatch.chdir("/")
    with with_its_reference(with_reference) as request:
        assert request.reference_path == str(tmp_path / "reference.py")


@pytest.mark.parametrize("now", ["class Model: other\n", None])
def test_a_reference_that_was_changed_or_taken_away(with_reference: Job, tmp_path: Path, now: str | None) -> None:
    (tmp_path / "reference.py").unlink()
    if now is not None:
        (tmp_path / "reference.py").write_text(now)
    with with_its_reference(with_reference) as request:
        assert request.reference_path is not None
        copy = Path(request.reference_path)
        assert (copy.name, copy.read_text()) == ("reference.py", REFERENCE)
    assert not copy.exists()
