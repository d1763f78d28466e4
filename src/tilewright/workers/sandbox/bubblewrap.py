"""Bubblewrap: a worker in namespaces and a file system of its own; what it may not see is not there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tilewright.workers.sandbox import places
from tilewright.workers.sandbox.namespaces import SHARED_MEMORY

_LIMIT_S = 30.0


def program() -> str:
    """Path of bubblewrap's program; empty where it is not installed."""
    return shutil.which("bwrap") or ""


def command(
    bwrap: str, root: Path, writable: tuple[str, ...], python: str, environment: Mapping[str, str]
) -> list[str]:
    """What to put before the command line of a worker.

    Args:
        bwrap: path of the program.
        root: the worker's private folder; its ``exchange`` becomes the working folder, its ``tmp`` is ``/dev/shm`` too.
        writable: folders that may be changed.
        python: the interpreter that will run.
        environment: the worker's variables, which name more places to read.
    """
    names = ("PYTHONPATH", "LD_LIBRARY_PATH", "PATH", *places.VARIABLES)
    seen = _readable(python, tuple((name, environment[name]) for name in names if name in environment))
    line = [bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--tmpfs", "/tmp"]
    for path in seen:
        line += ["--ro-bind-try", path, path]
    line += ["--dev", "/dev", "--proc", "/proc"]
    for path in places.gpu_devices():
        line += ["--dev-bind-try", path, path]
    line += ["--bind", str(root / "tmp"), SHARED_MEMORY]
    for path in writable:
        line += ["--bind", path, path]
    # what is left writable without this lies in memory, where nothing would count it
    return [
        *line,
        "--remount-ro",
        "/tmp",
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--chdir",
        str(root / "exchange"),
    ]


@functools.cache
def _readable(python: str, variables: tuple[tuple[str, str], ...]) -> list[str]:
    """What the worker's interpreter, which can be another one, says that it is made of."""
    done = subprocess.run(
        [python, "-P", "-m", "tilewright.workers.sandbox.places"],
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_LIMIT_S,
        check=True,
    )
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]
