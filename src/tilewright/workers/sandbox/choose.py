"""Which sandbox this machine has: each kind is tried by running it."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tilewright.errors import InputError
from tilewright.workers.environment import private_folders, worker_environment
from tilewright.workers.sandbox import bubblewrap, landlock
from tilewright.workers.sandbox.plan import PRIVATE, Plan
from tilewright.workers.sandbox.record import UNSANDBOXED, Sandbox

VARIABLE = "TILEWRIGHT_SANDBOX"
"""Environment variable that asks for one kind: ``auto`` (the default), ``bubblewrap``, ``landlock`` or ``none``."""
_KINDS = ("bubblewrap", "landlock")
_LIMIT_S = 60.0


def best_sandbox() -> Sandbox:
    """The strongest sandbox that works here, or the one that :data:`VARIABLE` asks for; tried once in a process.

    Its kind is ``none`` where nothing works: code that is not trusted should then run only with the user's consent.

    Raises:
        InputError: the variable holds another word, or asks for a kind that does not work here.
    """
    wanted = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    if wanted == "none":
        return UNSANDBOXED
    if wanted == "auto":
        return _strongest()
    if wanted not in _KINDS:
        raise InputError(f"{VARIABLE}={wanted}: no such sandbox; give auto, bubblewrap, landlock or none")
    found = sandbox_of_kind(wanted)
    if not found.confines:
        raise InputError(f"{VARIABLE}={wanted}: it does not work here ({found.reason}); give auto or none")
    return found


@functools.cache
def _strongest() -> Sandbox:
    reasons = []
    for kind in _KINDS:
        found = sandbox_of_kind(kind)
        if found.confines:
            return found
        reasons.append(f"{kind}: {found.reason}")
    return Sandbox(kind="none", reason="; ".join(reasons))


@functools.cache
def sandbox_of_kind(kind: str) -> Sandbox:
    """The sandbox of kind ``bubblewrap`` or ``landlock`` as it works here; kind ``none`` with the reason otherwise."""
    if sys.platform != "linux":
        return Sandbox(kind="none", reason="only Linux has it")
    abi = min(landlock.version(), landlock.NEWEST_ABI)
    if kind == "bubblewrap":
        program = bubblewrap.program()
        if not program:
            return Sandbox(kind="none", reason="bwrap is not installed")
        # within it, Landlock adds to what the mounts hold back, and is left out where the kernel has none
        return tried(Sandbox(kind="bubblewrap", program=program, landlock_abi=abi))
    if not abi:
        return Sandbox(kind="none", reason="this kernel has no Landlock, or it is switched off")
    with_namespaces = tried(Sandbox(kind="landlock", landlock_abi=abi, namespaces=True))
    if with_namespaces.confines:
        return with_namespaces
    return tried(Sandbox(kind="landlock", landlock_abi=abi))


def tried(sandbox: Sandbox) -> Sandbox:
    """``sandbox`` with what was seen to be in force, or kind ``none`` with the reason why it does not work."""
    with tempfile.TemporaryDirectory(prefix="tilewright-probe-") as name:
        root = Path(name)
        private_folders(root)
        outside = root / "outside"
        for folder in (outside, *(root / each for each in PRIVATE)):
            folder.mkdir(mode=0o700, exist_ok=True)
        (outside / "secret").write_text("kept", encoding="utf-8")
        plan = Plan.of(sandbox, root, writable=(), file_bytes=1 << 30, tasks=256)
        environment = worker_environment(root, mark="probe", threads=1, extra=None)
        line = [sys.executable, "-P", "-m", "tilewright.workers.sandbox.probe", plan.to_json(), str(outside)]
        try:
            done = subprocess.run(
                [*wrapping(sandbox, root, plan, sys.executable, environment), *line],
                env=environment,
                cwd=root / "exchange",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return Sandbox(kind="none", reason=str(error))
    if done.returncode != 0:
        told = (done.stdout.strip() or done.stderr.strip()).splitlines() or [f"exit code {done.returncode}"]
        return Sandbox(kind="none", reason=told[-1])
    return Sandbox(
        kind=sandbox.kind,
        in_force=tuple(json.loads(done.stdout)),
        program=sandbox.program,
        landlock_abi=sandbox.landlock_abi,
        namespaces=sandbox.namespaces,
    )


def wrapping(sandbox: Sandbox, root: Path, plan: Plan, python: str, environment: dict[str, str]) -> list[str]:
    """The part of a command line that comes before the worker's own: empty but for bubblewrap."""
    if sandbox.kind != "bubblewrap":
        return []
    return bubblewrap.command(sandbox.program, root, plan.writable, python, environment)
