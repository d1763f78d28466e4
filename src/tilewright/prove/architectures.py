"""Which other chip's code a GPU can run, by way of PTX: what parent and worker both know."""

from __future__ import annotations

import re

from tilewright.errors import InputError

VARIABLE = "TILEWRIGHT_ARCHITECTURE"
"""What tells a worker the architecture to compile for, as ``89``; empty: the device's own. It outlives a restart."""
_OLDEST, _FIRST_FAMILY_SPECIFIC = 75, 90
SHARED_BYTES = {75: 64 << 10, 80: 163 << 10, 86: 99 << 10, 87: 163 << 10, 89: 99 << 10}
"""Shared memory that one program may have, of each architecture whose PTX runs on later chips.

CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability".
"""


def parse_architecture(text: str) -> int:
    """The capability that ``sm_89`` names, as 89.

    Raises:
        InputError: it names none, or one that is too old.
    """
    found = re.fullmatch(r"sm_([0-9]{2,3})", text)
    if found is None:
        raise InputError(f"--architecture {text!r}: no architecture; give one as sm_89")
    capability = int(found[1])
    if capability < _OLDEST:
        raise InputError(f"--architecture {text}: too old; give sm_{_OLDEST} or a later one")
    return capability


def refusal(capability: int, present: int) -> str:
    """Why code for ``capability`` does not run on a device of capability ``present``; empty where it does.

    A driver compiles PTX for its own chip if that is no older than the chip it was made for. From sm_90 on Triton makes
    PTX with features of one chip alone (``sm_90a``), which no other takes.
    """
    runs = ", ".join(f"sm_{one}" for one in sorted({*SHARED_BYTES, present}) if one <= present)
    if capability == present:
        return ""
    if capability > present:
        return f"newer than the device, which is sm_{present}; use one of {runs}"
    if capability >= _FIRST_FAMILY_SPECIFIC:
        return f"Triton's code for it runs on that chip alone, and the device is sm_{present}; use one of {runs}"
    if capability not in SHARED_BYTES:
        return f"no architecture that is known here; use one of {runs}"
    return ""
