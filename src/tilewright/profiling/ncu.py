"""Nsight Compute's command line: where it is, what it is asked, and what its errors mean."""

from __future__ import annotations

import functools
import glob
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tilewright.profiling.catalog import all_metrics, chip_name

VARIABLE = "NCU"
"""Environment variable that names the program, for an installation that is not on the PATH."""
FIRST_PORT, PORTS = 49152, 64
"""Its default port and how many it tries from there (``--port``, ``--max-connections``)."""
_PLACES = ("/usr/local/cuda/bin/ncu", "/usr/local/cuda-*/bin/ncu", "/opt/nvidia/nsight-compute/*/ncu")
_QUERY_LIMIT_S, _VERSION_LIMIT_S = 60.0, 30.0
_TAIL_CHARACTERS = 300
_DRIVER_SETTINGS = Path("/proc/driver/nvidia/params")
_HAS_COUNTERS = (21, 38)
"""CAP_SYS_ADMIN, and CAP_PERFMON from driver R565 on."""

NOT_FOUND = (
    "Nsight Compute is not installed (no `ncu` on the PATH, in $NCU, /usr/local/cuda/bin or"
    " /opt/nvidia/nsight-compute); install it with the CUDA toolkit, or set NCU to the program"
)
NO_PERMISSION = (
    "the driver keeps performance counters from users without privileges (ERR_NVGPUCTRPERM); an administrator can set"
    " `options nvidia NVreg_RestrictProfilingToAdminUsers=0` in /etc/modprobe.d, rebuild the initramfs and reboot,"
    " or start the container with --cap-add=SYS_ADMIN (or PERFMON, from driver R565 on)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ncu:
    """One installation."""

    program: str
    version: str

    @property
    def folder(self) -> str:
        """Where its libraries lie: the program's own folder, behind every link and wrapper script that can be told."""
        return str(Path(self.program).resolve().parent)

    def python_folders(self) -> list[str]:
        """Folders that may hold its Python reader, ``ncu_report``."""
        near = [Path(self.folder), *Path(self.folder).parents[:3]]
        found = [str(one / "extras" / "python") for one in near]
        found += glob.glob("/opt/nvidia/nsight-compute/*/extras/python")
        found += glob.glob("/usr/local/cuda*/nsight-compute-*/extras/python")
        return [one for one in dict.fromkeys(found) if os.path.isfile(os.path.join(one, "ncu_report.py"))]


def find() -> Ncu | None:
    """The program that :data:`VARIABLE` names, else the one on the PATH, else the newest at its usual places."""
    given = os.environ.get(VARIABLE, "").strip()
    usual = [one for place in _PLACES for one in sorted(glob.glob(place), key=_by_version, reverse=True)]
    for name in (given,) if given else ("ncu", *usual):
        program = shutil.which(name)
        if program is not None:
            return Ncu(program=program, version=_version(program))
    return None


def no_permission() -> str:
    """Why counters will be refused to this process, as far as the driver's settings say; empty if they may be read."""
    if _restricted() is not True or _privileged():
        return ""
    return NO_PERMISSION


def kept_capabilities() -> tuple[int, ...]:
    """Privileges that a profiled process must keep to read counters: none where the driver lets every user do it."""
    return () if _restricted() is False else _HAS_COUNTERS


def profile_command(ncu: Ncu, metrics: Sequence[str], report: Path, command: Sequence[str]) -> list[str]:
    """The command line that profiles what ``command`` launches between profiler start and stop.

    Clocks stay as they are, as they do when files are timed; caches are flushed before each pass. Processes that the
    command starts, such as assemblers, are left alone.
    """
    return [
        *(ncu.program, "--profile-from-start", "off", "--target-processes", "application-only"),
        *("--replay-mode", "kernel", "--clock-control", "none", "--cache-control", "all"),
        *("--metrics", ",".join(metrics), "--force-overwrite", "--export", str(report)),
        *command,
    ]


def import_command(ncu: Ncu, report: Path) -> list[str]:
    """The command line that prints a report as CSV, a row a launch, in base units."""
    return [ncu.program, "--import", str(report), "--csv", "--page", "raw", "--print-units", "base"]


def unknown_names(ncu: Ncu, names: Sequence[str], capability: tuple[int, int]) -> tuple[str, ...]:
    """Those of ``names`` that this installation does not list for the chip; none where it cannot be asked.

    Names that the profiler computes itself stand in no chip's list, and pass, as do those that were seen to resolve on
    this chip before.
    """
    listed = _listed(ncu.program, ncu.version, chip_name(capability))
    return tuple(name for name in names if listed and not _known(name, capability, listed))


def _known(name: str, capability: tuple[int, int], listed: frozenset[str]) -> bool:
    metric = all_metrics().get(name)
    if name.startswith("launch__") or (metric is not None and (metric.computed or capability in metric.checked)):
        return True
    return name.partition(".")[0] in listed


def complaint(output: str) -> str:
    """What went wrong, in one line, from what the profiler printed; empty where it complains of nothing."""
    if "ERR_NVGPUCTRPERM" in output:
        return NO_PERMISSION
    lines = [line.removeprefix("==ERROR==").strip() for line in output.splitlines() if line.startswith("==ERROR==")]
    if any("InterprocessLockFailed" in line or "nsight-compute-lock" in line for line in (*lines, output)):
        return "Nsight Compute's lock file cannot be opened; set TMPDIR to a folder of yours"
    metric = re.search(r"Failed to find metric:? *(\S+)", output)
    if metric:
        return f"Nsight Compute does not know the metric {metric[1]} on this GPU"
    if lines:
        return f"Nsight Compute: {' '.join(lines)[:_TAIL_CHARACTERS]}"
    return ""


def environment() -> dict[str, str]:
    """Variables for a run that only reads files."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH")
    own = {name: value for name, value in os.environ.items() if name in kept or name.startswith("TILEWRIGHT_")}
    return own | {"LC_ALL": "C"}


def run(command: Sequence[str], *, limit_s: float, variables: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command that starts nothing of the user's: its exit code, standard output and standard error.

    Raises:
        OSError: it does not start.
        subprocess.TimeoutExpired: it took more than ``limit_s`` seconds.
    """
    done = subprocess.run(
        list(command),
        env=dict(environment() if variables is None else variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@functools.cache
def _version(program: str) -> str:
    try:
        _, out, _ = run([program, "--version"], limit_s=_VERSION_LIMIT_S)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    found = re.search(r"Version ([\d.]+)", out)
    return found[1] if found else "unknown"


@functools.cache
def _listed(program: str, version: str, chip: str) -> frozenset[str]:
    """Base names that the installation lists for a chip; empty where it lists nothing that looks like names."""
    if not chip:
        return frozenset()
    try:
        code, out, _ = run([program, "--query-metrics", "--chips", chip], limit_s=_QUERY_LIMIT_S)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    names = frozenset(re.findall(r"^\s*([a-z0-9]+__[a-z0-9_]+)", out, re.MULTILINE))
    # a list without the time is not the list of names that this is about
    return names if code == 0 and "gpu__time_duration" in names else frozenset()


def _by_version(path: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path)]


def _restricted() -> bool | None:
    """Whether the driver keeps counters to administrators; ``None`` where it does not say."""
    try:
        text = _DRIVER_SETTINGS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"RmProfilingAdminOnly:\s*(\d+)", text)
    return None if found is None else found[1] != "0"


def _privileged() -> bool:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return os.geteuid() == 0
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return found is not None and any(int(found[1], 16) >> number & 1 for number in _HAS_COUNTERS)
