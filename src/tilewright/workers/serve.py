"""The worker's own side: read a job, run it, write how it ended.

Started as ``python -m tilewright.workers.serve REQUEST_FD RESULT_FD PARENT_PID PLAN [MODULE…]``. The plan (see
``sandbox.plan``) is put in force first of all; then the modules are imported, before the first job. Requests and
results are JSON lines on two private pipes. ``PARENT_PID`` is 0 where the parent cannot be seen from here.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

from tilewright.workers.sandbox.confine import apply
from tilewright.workers.sandbox.plan import Plan, SandboxError

_PR_SET_PDEATHSIG = 1
_MESSAGE_LIMIT = 20_000


def main(arguments: list[str]) -> int:
    """Serve jobs until the request pipe closes."""
    request_fd, result_fd, parent = (int(number) for number in arguments[:3])
    os.set_inheritable(request_fd, False)
    os.set_inheritable(result_fd, False)
    plan = Plan.from_json(arguments[3])
    _die_with(parent)
    results = os.fdopen(result_fd, "w", encoding="utf-8")
    try:
        apply(plan)
    except SandboxError as error:
        _write(results, {"nonce": "ready", **_failure(error)})
        return 1
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(request_fd, requests), daemon=True).start()
    _write(results, {**_preload(arguments[4:]), "confined": plan.kind})
    while True:
        _write(results, _answer(json.loads(requests.get())))


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent ends; elsewhere the closed pipe tells (see ``_read``)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)


def _read(descriptor: int, requests: queue.SimpleQueue[str]) -> None:
    """Pass request lines on; when the pipe closes, the parent is gone, and this process group goes too."""
    with os.fdopen(descriptor, "r", encoding="utf-8") as lines:
        for line in lines:
            requests.put(line)
    os.killpg(0, signal.SIGKILL)


def _preload(modules: list[str]) -> dict[str, Any]:
    try:
        for module in modules:
            importlib.import_module(module)
    except BaseException as error:
        return {"nonce": "ready", **_failure(error)}
    return {"nonce": "ready", "kind": "returned"}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    nonce = request["nonce"]
    try:
        module, _, function = request["job"].partition(":")
        value = getattr(importlib.import_module(module), function)(**request["arguments"])
        encoded = json.dumps(value)
    except BaseException as error:  # a job may raise anything, SystemExit and KeyboardInterrupt included
        return {"nonce": nonce, **_failure(error)}
    return {"nonce": nonce, "kind": "returned", "value": encoded}


def _failure(error: BaseException) -> dict[str, Any]:
    with contextlib.suppress(Exception):
        traceback.print_exception(error)
    try:
        message = str(error)
    except Exception as second:
        message = f"(its text cannot be made: {type(second).__name__})"
    name = type(error).__name__
    short = "can't allocate memory" in message or name in {"MemoryError", "OutOfMemoryError"}
    kind = "out_of_memory" if short else "raised"
    return {"kind": kind, "error_type": name, "message": message[:_MESSAGE_LIMIT]}


def _write(results: Any, answer: dict[str, Any]) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    value = answer.pop("value", "null")
    # the value is JSON already, and may be large: it is put into the line as it is
    head = json.dumps(answer)
    results.write(f'{head[:-1]}, "value": {value}}}\n')
    results.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
