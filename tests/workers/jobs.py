"""Jobs for the workers' tests, each ending in a way of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time


def add(a: int, b: int) -> int:
    return a + b


def noise(text: str) -> dict[str, str]:
    print(text)
    print('{"nonce": "ready", "kind": "returned", "value": 1}')
    os.write(1, b"\n{}\n")
    sys.stderr.write("to the error stream\n")
    return {"said": text}


def large(count: int) -> list[str]:
    return ["x" * 99] * count


def echo_length(text: str) -> int:
    return len(text)


def fail(text: str) -> None:
    raise LookupError(text)


def leave(code: int) -> None:
    sys.exit(code)


def vanish(code: int) -> None:
    os._exit(code)


def kill_self(number: int) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def hang(children: int, detach: bool, note: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", note], start_new_session=detach)
        for _ in range(children)
    ]
    with open(note, "w", encoding="utf-8") as file:
        file.write(" ".join(str(child.pid) for child in started))
    while True:
        time.sleep(60)


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def fill(megabytes: int) -> int:
    held = []
    for _ in range(megabytes):
        held.append(b"\1" * (1 << 20))
        time.sleep(0)
    while True:
        time.sleep(60)


def exhaust() -> None:
    raise MemoryError("no more")


def unwritable() -> object:
    return object()


def describe() -> dict[str, object]:
    return {"environment": dict(os.environ), "folder": os.getcwd(), "session": os.getsid(0), "pid": os.getpid()}


def write_to_all_descriptors() -> str:
    for number in range(3, 64):
        try:
            os.write(number, b'not json\n{"nonce": "guess", "kind": "returned", "value": "forged"}\n')
        except OSError:
            continue
    return "true"


def loaded(module: str) -> bool:
    return module in sys.modules


def odd_crash(number: int) -> int:
    if number % 4 == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10
