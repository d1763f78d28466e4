"""One run of a kernel file under Nsight Compute: confined in one way, with an end that is always told."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tilewright.profiling import ncu
from tilewright.workers import Sandbox, best_sandbox, processes
from tilewright.workers.environment import private_folders, worker_environment
from tilewright.workers.sandbox import sandbox_of_kind
from tilewright.workers.sandbox.plan import Plan, Sockets

READY_LIMIT_S = 40.0
"""For importing PyTorch and making a context: what takes longer waits for a profiler that it cannot reach."""
_TICK_S, _GRACE_S = 0.05, 0.5
_PROGRESS_BYTES, _OUTPUT_BYTES = 1 << 20, 20_000
_FILE_BYTES = 16 << 30
_MODULE = "tilewright.profiling.replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How the profiled process is held: the profiler itself runs outside, and talks to a library within."""

    name: str
    landlock_abi: int = 0
    sockets: Sockets = "none"
    filtered: bool = False
    temporary: bool = False
    """Whether the system's folder for temporary files may be written too."""

    @property
    def confines(self) -> bool:
        """Whether anything is held back."""
        return self.landlock_abi > 0


UNCONFINED = Confinement(name="unsandboxed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How a run ended."""

    steps: tuple[Mapping[str, Any], ...]
    """What the process said that it reached."""
    output: str
    """The end of what the profiler and the process printed."""
    exit_code: int | None
    timed_out: bool
    report: Path | None
    """The profiler's report, where it wrote one."""

    def reached(self, step: str) -> Mapping[str, Any] | None:
        """What was said at a step; ``None`` where it was not reached."""
        return next((one for one in self.steps if one.get("step") == step), None)


@dataclass(slots=True)
class Files:
    """The private folders of one run, gone when it is closed."""

    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tilewright-ncu-")))

    def __enter__(self) -> Files:
        private_folders(self.root)
        self.exchange.mkdir(mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def exchange(self) -> Path:
        """What both sides see."""
        return self.root / "exchange"

    @property
    def report(self) -> Path:
        """What the profiler writes, out of the process's reach."""
        return self.root / "report.ncu-rep"


def confinements(*, allow_unsandboxed: bool) -> tuple[Confinement, ...]:
    """The ways to hold the process that this machine has, the strictest first.

    Raises:
        InputError: the user asked for a sandbox that does not work here.
    """
    best = best_sandbox()
    found: Sandbox = sandbox_of_kind("landlock") if best.confines else best
    last = (UNCONFINED,) if allow_unsandboxed else ()
    if not found.confines:
        return last
    abi = found.landlock_abi
    return (
        Confinement(name="confined", landlock_abi=abi, sockets="listening", filtered=True),
        Confinement(name="confined, connections allowed", landlock_abi=abi, sockets="connecting", filtered=True),
        Confinement(name="file rules only", landlock_abi=abi, sockets="connecting", temporary=True),
        *last,
    )


def attempt(
    found: ncu.Ncu,
    confinement: Confinement,
    files: Files,
    request: Mapping[str, Any],
    metrics: Sequence[str],
    *,
    limit_s: float,
) -> Attempt:
    """Run the request once; whatever happens is in the answer, and nothing of it runs on afterwards."""
    files.report.unlink(missing_ok=True)
    # an earlier attempt's process had this folder too: names that it could not foresee
    mark = secrets.token_hex(12)
    path, progress = (files.exchange / f"{name}_{mark}.json" for name in ("request", "progress"))
    told = {**request, "progress": str(progress), "plan": _plan(confinement, files, found).to_json()}
    path.write_text(json.dumps(told), encoding="utf-8")
    environment = worker_environment(files.root, mark=mark, threads=1, extra=None)
    command = ncu.profile_command(
        found, metrics, files.report, [sys.executable, "-P", "-X", "faulthandler", "-m", _MODULE, str(path)]
    )
    log = files.root / "output.log"
    with log.open("wb") as written:
        process = processes.start(
            lambda: subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=files.exchange,
                env=environment,
            )
        )
    try:
        timed_out = _wait(process, progress, limit_s)
    finally:
        processes.end(process, mark, grace_s=_GRACE_S)
    return Attempt(
        steps=tuple(_steps(progress)),
        output=_tail(log),
        exit_code=process.poll(),
        timed_out=timed_out,
        report=files.report if files.report.is_file() else None,
    )


def _plan(confinement: Confinement, files: Files, found: ncu.Ncu) -> Plan:
    if not confinement.confines:
        return Plan(kind="none")
    sandbox = Sandbox(kind="landlock", landlock_abi=confinement.landlock_abi)
    # the profiler's library lives in the process, and other namespaces would part it from the profiler
    more = (tempfile.gettempdir(),) if confinement.temporary else ()
    plan = Plan.of(sandbox, files.root, writable=more, file_bytes=_FILE_BYTES, tasks=0)
    return replace(
        plan,
        readable=(found.folder, str(Path(found.folder).parent)),
        sockets=confinement.sockets,
        sockets_in=(str(files.root / "tmp"), *more),
        ports=tuple(range(ncu.FIRST_PORT, ncu.FIRST_PORT + ncu.PORTS)),
        filtered=confinement.filtered,
        capabilities=ncu.kept_capabilities(),
    )


def _wait(process: subprocess.Popen[bytes], progress: Path, limit_s: float) -> bool:
    """Wait for the end; whether the time was up first, all of it or that for getting ready."""
    began = time.monotonic()
    ready = False
    while process.poll() is None:
        spent = time.monotonic() - began
        ready = ready or any(one.get("step") in ("ready", "raised", "not confined") for one in _steps(progress))
        if spent >= limit_s or (not ready and spent >= READY_LIMIT_S):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=min(_TICK_S, max(0.001, limit_s - spent)))
    return False


def _steps(progress: Path) -> list[Mapping[str, Any]]:
    """The process's own words, as far as they are whole; it may have put anything there."""
    try:
        # not through a link that it left, and not waiting at a pipe
        opened = os.open(progress, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        data = os.read(opened, _PROGRESS_BYTES) if stat.S_ISREG(os.fstat(opened).st_mode) else b""
    finally:
        os.close(opened)
    found: list[Mapping[str, Any]] = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict):
                found.append(told)
    return found


def _tail(log: Path) -> str:
    data = log.read_bytes()
    # errors of the profiler come first, tracebacks last
    kept = data if len(data) <= 2 * _OUTPUT_BYTES else data[:_OUTPUT_BYTES] + b"\n" + data[-_OUTPUT_BYTES:]
    return kept.decode("utf-8", "replace")
