"""Builds on disk, under the hash of all that decides them."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import platformdirs

from tilewright.records.build import Build, InstructionMix

SCHEMA = 3
"""Raised whenever what a Build says, or how it is read from a binary, changes."""


def default_cache() -> Path:
    """Return the folder of the cache: ``TILEWRIGHT_CACHE_DIR``, else the user's cache folder."""
    if chosen := os.environ.get("TILEWRIGHT_CACHE_DIR"):
        return Path(chosen)
    return Path(platformdirs.user_cache_dir("tilewright")) / "builds"


def load(folder: Path, key: str) -> Build | None:
    """Return the build stored under ``key``; ``None`` where there is none or its file cannot be used."""
    try:
        entry = json.loads(_path(folder, key).read_text(encoding="utf-8"))
        if entry["schema"] != SCHEMA or entry["key"] != key:
            return None
        return build_from(entry["build"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whatever is wrong with an entry, building again is right.
        return None


def store(folder: Path, key: str, build: Build) -> None:
    """Store ``build`` so that a reader sees all of it or nothing. A folder that cannot be written is left alone."""
    path = _path(folder, key)
    text = json.dumps({"schema": SCHEMA, "key": key, "build": asdict(build)}, sort_keys=True)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise


def build_from(fields: Mapping[str, Any]) -> Build:
    """Make a Build from its JSON form.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the fields are not those of a Build.
    """
    numbers = ("num_warps", "num_stages", "registers_per_thread", "spill_bytes", "shared_bytes")
    words = ("kernel", "triton_version", "ptxas_version", "content_hash")
    if any(type(fields[name]) is not int for name in numbers) or any(type(fields[name]) is not str for name in words):
        raise TypeError("a field of the build has another type")
    mix = fields["mix"]
    major, minor = fields["compute_capability"]
    return Build(
        **{name: fields[name] for name in (*numbers, *words)},
        overwrites_operands=bool(fields["overwrites_operands"]),
        compute_capability=(int(major), int(minor)),
        mix=InstructionMix(
            loop=_counts(mix["loop"]), outside=_counts(mix["outside"]), loop_modifiers=_counts(mix["loop_modifiers"])
        ),
    )


def _counts(value: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in value.items()}


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"
