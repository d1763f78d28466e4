"""What candidates leave behind: processes, files, device memory."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

MARK = "TILEWRIGHT_STRESS"
"""Variable that every process below the harness inherits, through the workers' allow-list too."""
_MOST_FILES = 400_000


def processes_with(token: str) -> list[int]:
    """Processes that were started below a harness with this token, and live."""
    wanted = f"{MARK}={token}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0") and not _is_zombie(entry):
                found.append(int(entry.name))
    return sorted(set(found) - {os.getpid()})


def children() -> list[int]:
    """Processes whose parent is this one, zombies included."""
    found = []
    for listed in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.extend(int(pid) for pid in listed.read_text().split())
    return sorted(found)


def command_of(pid: int) -> str:
    """Command line of a process, for the report."""
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]
    return "(gone)"


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def gpu_memory_mib() -> list[int]:
    """Memory in use of each NVIDIA GPU; empty without one."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [int(line) for line in told.stdout.split()]


def watched_folders() -> dict[Path, int]:
    """Where a stray write would land, and how many levels of folders to look through.

    Of the folders that everybody may write to, which others write to as well, only what lies directly in them.
    """
    places = {Path("/tmp"): 1, Path("/var/tmp"): 1, Path("/dev/shm"): 1, Path.home(): 3, Path.cwd(): 99}
    return {place.resolve(): levels for place, levels in places.items() if place.is_dir()}


def snapshot(folders: Mapping[Path, int], ignored: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Path to size and time of change of what lies in ``folders``, besides paths that match ``ignored``.

    Args:
        folders: each with the levels to look through; a folder below the last level is told by its name alone.
        ignored: patterns.
    """
    found: dict[str, tuple[int, int]] = {}
    for folder, levels in folders.items():
        top = len(folder.parts)
        for root, names, files in os.walk(folder, followlinks=False):
            names[:] = [name for name in names if not _matches(os.path.join(root, name), ignored)]
            if len(Path(root).parts) - top + 1 >= levels:
                found.update({os.path.join(root, name): (0, 0) for name in names})
                names.clear()
            for name in files:
                path = os.path.join(root, name)
                if _matches(path, ignored):
                    continue
                with contextlib.suppress(OSError):
                    told = os.lstat(path)
                    found[path] = (told.st_size, told.st_mtime_ns)
            if len(found) > _MOST_FILES:
                raise RuntimeError(f"more than {_MOST_FILES} files below {folder}: leave some out with --ignore")
    return found


def changed(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """Paths that are new, gone or different."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def littered(name: str, folders: Iterable[str]) -> list[Path]:
    """Files of this name directly in ``folders``."""
    return [path for folder in dict.fromkeys(folders) if (path := Path(folder or ".") / name).exists()]


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)
