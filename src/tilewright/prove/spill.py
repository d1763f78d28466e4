"""Large arrays on their way to and from workers: parent side.

What many workers are given is written once and copied by the system; what comes back as it was sent is compared piece
by piece, so that no second array of its size is ever made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tilewright.prove.halves import Array
from tilewright.source.syntax import whole_trees

_LARGE_BYTES = 1 << 22
_PIECE_BYTES = 1 << 20
"""Small enough for a processor's cache."""

_lock = threading.Lock()
_files: dict[int, Path | None] = {}
"""By array: the file that is copied, or ``None`` where one worker alone was given it so far."""


def write(values: Array, path: Path) -> None:
    """Write ``values`` as ``.npy``; a large array that is given to many is kept in a file, and copied from there.

    A copy, and no link: the worker that gets it may write to it.
    """
    if values.nbytes < _LARGE_BYTES or _is_new(values):
        np.save(path, values, allow_pickle=False)
        return
    with _lock:
        kept = _files[id(values)]
        if kept is None:
            descriptor, name = tempfile.mkstemp(prefix="tilewright-values-", suffix=".npy")
            kept = Path(name)
            with os.fdopen(descriptor, "wb") as file:
                np.save(file, values, allow_pickle=False)
            _files[id(values)] = kept
    shutil.copyfile(kept, path)


def _is_new(values: Array) -> bool:
    """Whether nobody was given ``values`` before."""
    with _lock:
        if id(values) in _files:
            return False
        _files[id(values)] = None
        weakref.finalize(values, _remove, id(values))
        return True


def _remove(key: int) -> None:
    # without the lock, which the thread that drops the array may hold
    if (path := _files.pop(key, None)) is not None:
        path.unlink(missing_ok=True)


def holds(path: Path, values: Array) -> bool:
    """Whether the ``.npy`` file at ``path`` holds ``values``, bit by bit; asked of large arrays only.

    Raises:
        ValueError: it is no such file.
    """
    if values.nbytes < _LARGE_BYTES or not values.flags.c_contiguous:
        return False
    expected = values.reshape(-1).view(np.uint8)
    buffer = memoryview(bytearray(_PIECE_BYTES))
    read = np.frombuffer(buffer, dtype=np.uint8)
    with path.open("rb", buffering=0) as file:
        if _read_head(file) != (values.shape, False, values.dtype):
            return False
        done = 0
        while done < expected.size:
            count = file.readinto(buffer[: expected.size - done])
            if not count or not np.array_equal(read[:count], expected[done : done + count]):
                return False
            done += count
        return not file.read(1)


def _read_head(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]] | None:
    """Shape, order and dtype at the beginning of a ``.npy`` file; ``None`` where a later version wrote it."""
    if np.lib.format.read_magic(file) != (1, 0):
        return None
    with whole_trees():
        return np.lib.format.read_array_header_1_0(file)
