"""A fake Nsight Compute, and a small file with one tuned kernel to run under it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from profiling_cases import PROBLEM

from tilewright import targets
from tilewright.profiling import Profiler, ncu

FAKE = Path(__file__).with_name("fake_ncu.py")


@pytest.fixture
def fake_ncu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put the fake on the PATH; called with a mode, it behaves so."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ncu"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(ncu.VARIABLE, raising=False)
    # locks of GPUs, shared by all users of this machine otherwise
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"test{os.getpid()}")
    # what other tests asked of a program at the same place
    ncu._version.cache_clear()
    ncu._listed.cache_clear()
    return lambda mode: monkeypatch.setenv("TILEWRIGHT_FAKE_NCU", mode)


@pytest.fixture
def profiler(fake_ncu: Callable[[str], None]) -> Callable[..., Profiler]:
    """Make a profiler that meets the fake in a mode."""

    def make(mode: str = "works", **options: object) -> Profiler:
        fake_ncu(mode)
        return Profiler(PROBLEM, target=targets.load("h200"), seed=1, **options)

    return make
