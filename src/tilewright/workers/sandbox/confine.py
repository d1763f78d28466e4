"""Put a plan in force for this process: called by a worker's own start, before anything that is not trusted."""

from __future__ import annotations

import os

from tilewright.workers.sandbox import landlock, limits, namespaces, places, seccomp
from tilewright.workers.sandbox.plan import Plan, SandboxError

_THREADS = "/proc/self/task"
_TRUNCATE_SINCE, _SIGNALS_SINCE = 3, 6


def apply(plan: Plan) -> tuple[str, ...]:
    """Confine this process, which must be single-threaded still; what is in force then, in words.

    Raises:
        SandboxError: something that the plan asks for cannot be put in force. The process must end.
    """
    if plan.kind == "none":
        limits.limit(file_bytes=0, tasks=0, own_count=False)
        return ()
    try:
        return _apply(plan)
    except OSError as error:
        raise SandboxError(f"the sandbox ({plan.kind}) cannot be put in force: {error}") from error


def _apply(plan: Plan) -> tuple[str, ...]:
    wrapped = plan.kind == "bubblewrap"
    # looked up first: folders are listed that cannot be listed afterwards
    readable, devices = [*places.readable(), "/proc", *plan.readable], places.devices()
    limits.limit(file_bytes=plan.file_bytes, tasks=plan.tasks, own_count=wrapped or plan.namespaces)
    if plan.namespaces:
        namespaces.enter(plan.shared_memory)
    limits.forbid_new_privileges()
    abi = plan.landlock_abi
    if abi:
        # CUDA names its threads there, and does not start if it cannot. Not the whole of /proc: that is where root
        # changes the settings of the system.
        # The folder stays open for good: what is allowed of it holds for this one record of it in the kernel.
        os.open(_THREADS, os.O_PATH)
        landlock.restrict(
            abi,
            readable=readable,
            writable=plan.writable,
            devices=devices,
            settings=(_THREADS,),
            sockets_in=plan.sockets_in,
            ports=plan.ports,
            connecting=plan.sockets == "connecting",
        )
    elif not wrapped:
        raise SandboxError("the sandbox cannot be put in force: this kernel has no Landlock")
    limits.drop_privileges(plan.capabilities)
    if plan.filtered:
        seccomp.install(
            private_processes=wrapped,
            truncation=wrapped or abi >= _TRUNCATE_SINCE,
            signals=wrapped or abi >= _SIGNALS_SINCE,
            sockets=plan.sockets,
        )
    return _in_words(plan, wrapped)


def _in_words(plan: Plan, wrapped: bool) -> tuple[str, ...]:
    words = ["writes only in its own folders", "reads only the system, Python and its packages"]
    words += {
        "none": ["no network"],
        "listening": ["no connections but those that the profiler makes to it"],
        "connecting": ["TCP at the profiler's ports alone"],
    }[plan.sockets if plan.filtered else "connecting"]
    words += ["no access to other processes"] if plan.filtered else []
    words.append("no privileges but the profiler's" if plan.capabilities else "no privileges")
    if plan.namespaces or wrapped:
        words.append("own user, mount, network and IPC namespaces" + (", own process numbers" if wrapped else ""))
    if plan.landlock_abi:
        words.append(f"Landlock {plan.landlock_abi}")
    return (*words, "filtered system calls") if plan.filtered else tuple(words)
