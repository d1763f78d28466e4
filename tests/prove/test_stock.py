"""Which verdicts leave a candidate's process fit for another candidate."""

from __future__ import annotations

import pytest

from tilewright.prove.stock import only_numbers
from tilewright.records.verdict import Check, Status, Verdict


def verdict(status: Status, *failed: tuple[str, str]) -> Verdict:
    checks = tuple(
        Check(
            name=name,
            dtype="fp32",
            shapes=(),
            distribution="normal",
            error=1.0,
            bound=0.0,
            original_error=None,
            passed=False,
            detail=detail,
        )
        for name, detail in failed
    )
    return Verdict(status=status, checks=checks, reason="")


@pytest.mark.parametrize(
    "failed",
    [
        (),
        (("output: relative Frobenius error", ""),),
        (("written", "3 elements of output are never written"), ("shape", "")),
        (("runs", "raises at line 7: ValueError: boo"),),
        (("runs", "autotune configuration 2 of 3; raises: OutOfBoundsError"),),
        (("cached result", ""), ("kernels ran", "")),
    ],
)
def test_wrong_numbers_leave_nothing_behind(failed: tuple[tuple[str, str], ...]) -> None:
    assert only_numbers(verdict(Status.REFUTED if failed else Status.PROVED, *failed))


@pytest.mark.parametrize(
    "name_and_detail",
    [
        ("patched", "replaced: torch.allclose"),
        ("threads", "started 1"),
        ("system access", "open"),
        ("redzones", "4 bytes after output"),
        ("runs", "crashes: the worker was ended by SIGSEGV"),
    ],
)
def test_what_reaches_further_may_have_left_something(name_and_detail: tuple[str, str]) -> None:
    assert not only_numbers(verdict(Status.REFUTED, ("output: relative Frobenius error", ""), name_and_detail))


def test_an_undecided_candidate_may_still_be_running() -> None:
    assert not only_numbers(verdict(Status.UNDECIDED))
