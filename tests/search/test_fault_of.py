"""Which captures say that a file does not run for a dtype."""

from __future__ import annotations

from tilewright.capture import NO_LAUNCH
from tilewright.records.launch import Capture
from tilewright.search.accept import fault_of


def test_a_dtype_that_is_left_to_pytorch_is_no_fault() -> None:
    assert fault_of(Capture(launches=(), inputs=(), outputs=(), error=NO_LAUNCH)) == ""
    assert fault_of(Capture(launches=(), inputs=(), outputs=(), error="line 3: raises")) == "line 3: raises"
