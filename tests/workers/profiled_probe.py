"""Put a plan in force, try what a process under a profiler may and may not do, and print the answers as JSON."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from tilewright.workers.sandbox.confine import apply
from tilewright.workers.sandbox.plan import Plan


def answer(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"


def listen(family: int, address: object) -> None:
    one = socket.socket(family, socket.SOCK_STREAM)
    one.bind(address)
    one.listen()


def connect(family: int, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(address)


def main(arguments: list[str]) -> None:
    plan, told = Plan.from_json(arguments[0]), json.loads(arguments[1])
    apply(plan)
    tmp, exchange = Path(told["tmp"]), Path(told["exchange"])
    capabilities = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    print(
        json.dumps(
            {
                "unix socket": answer(lambda: listen(socket.AF_UNIX, str(tmp / "s"))),
                "unix socket elsewhere": answer(lambda: listen(socket.AF_UNIX, str(exchange / "s"))),
                "pipe": answer(lambda: os.mkfifo(tmp / "p")),
                "pipe elsewhere": answer(lambda: os.mkfifo(exchange / "p")),
                "port": answer(lambda: listen(socket.AF_INET, ("127.0.0.1", told["port"]))),
                "another port": answer(lambda: listen(socket.AF_INET, ("127.0.0.1", told["other"]))),
                "connect to unix": answer(lambda: connect(socket.AF_UNIX, told["unix"])),
                "connect to tcp": answer(lambda: connect(socket.AF_INET, ("127.0.0.1", told["theirs"]))),
                "udp": answer(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
                "read": answer(lambda: Path(told["secret"]).read_text()),
                "write": answer(lambda: Path(told["secret"]).write_text("x")),
                "link": answer(lambda: os.symlink(told["secret"], exchange / "link")),
                "capabilities": int(capabilities[1], 16) if capabilities else -1,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
