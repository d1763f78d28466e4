"""Run inside a sandbox that is to be tried: put it in force, and try what it says that it refuses.

``python -m tilewright.workers.sandbox.probe PLAN OUTSIDE``: prints what is in force, as a JSON list. ``OUTSIDE`` is a
folder of the parent's with a file ``secret`` in it, neither of which the sandbox may give away.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tilewright.workers.sandbox.confine import apply
from tilewright.workers.sandbox.plan import Plan, SandboxError


def main(arguments: list[str]) -> int:
    """Exit code 0 where everything that must be refused was refused."""
    plan, outside = Plan.from_json(arguments[0]), Path(arguments[1])
    try:
        words = apply(plan)
        _try(outside)
    except SandboxError as error:
        print(error)
        return 1
    print(json.dumps(words))
    return 0


def _try(outside: Path) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"its own folders can be written")
    # a program can be started still
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    for what, act in (
        ("wrote outside its folders", lambda: (outside / "made").write_text("x")),
        ("read what it may not", lambda: (outside / "secret").read_text()),
        ("made a socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
        ("reached for another process's socket", _connect),
        ("made a link", lambda: os.symlink(outside, os.path.join(tempfile.gettempdir(), "link"))),
    ):
        try:
            act()
        except ConnectionRefusedError as error:
            raise SandboxError(f"the sandbox does not hold: the probe {what}") from error
        except OSError:
            continue
        raise SandboxError(f"the sandbox does not hold: the probe {what}")


def _connect() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
        one.connect("\0tilewright-nobody-listens-here")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
