"""What a process that a profiler talks to can do: it can be reached, and it reaches no further than its plan says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tilewright
from tilewright.workers import Sandbox
from tilewright.workers.sandbox import landlock, sandbox_of_kind
from tilewright.workers.sandbox.plan import PRIVATE, Plan, Sockets

PROBE = Path(__file__).with_name("profiled_probe.py")
OPEN = ("unix socket", "pipe", "port")
SHUT = ("unix socket elsewhere", "pipe elsewhere", "read", "write", "link")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    found = sandbox_of_kind("landlock")
    if not found.confines:
        pytest.skip(found.reason)
    return found


def probe(root: Path, plan: Plan) -> dict[str, object]:
    with socket.create_server(("127.0.0.1", 0)) as theirs, socket.socket(socket.AF_UNIX) as local:
        unix = os.path.relpath(root / "outside" / "socket")
        local.bind(unix)
        local.listen()
        with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
            port, another = free.getsockname()[1], other.getsockname()[1]
        told = {
            "tmp": str(root / "tmp"),
            "exchange": str(root / "exchange"),
            "port": port,
            "other": another,
            "theirs": theirs.getsockname()[1],
            "unix": unix,
            "secret": str(root / "outside" / "secret"),
        }
        done = subprocess.run(
            [sys.executable, str(PROBE), replace(plan, ports=(port,)).to_json(), json.dumps(told)],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(Path(tilewright.__file__).parents[1])},
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*PRIVATE, "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "secret").write_text("kept")
    return tmp_path


def plan_of(root: Path, sandbox: Sandbox, sockets: Sockets, **changes: object) -> Plan:
    plan = Plan.of(sandbox, root, writable=(), file_bytes=1 << 20, tasks=0)
    return replace(plan, namespaces=False, sockets=sockets, sockets_in=(str(root / "tmp"),), **changes)


@pytest.mark.parametrize("sockets", ["none", "listening", "connecting"])
def test_it_can_be_reached_and_reaches_only_what_it_may(
    root: Path, sandbox: Sandbox, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    told = probe(root, plan_of(root, sandbox, sockets))
    assert {told[name] for name in SHUT} == {"PermissionError"}
    assert (root / "outside" / "secret").read_text() == "kept"
    assert told["udp"] == "PermissionError"
    assert told["capabilities"] == 0
    assert {told[name] for name in OPEN} == ({"PermissionError"} if sockets == "none" else {"done"})
    assert told["connect to unix"] == ("done" if sockets == "connecting" else "PermissionError")
    if landlock.version() >= 4:
        assert (told["another port"], told["connect to tcp"]) == ("PermissionError", "PermissionError")


def test_privileges_are_kept_only_by_name(root: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    told = probe(root, plan_of(root, sandbox, "listening", capabilities=(21, 38)))
    held = told["capabilities"]
    assert isinstance(held, int)
    assert held & ~(1 << 21 | 1 << 38) == 0
    if os.geteuid() == 0:
        own = int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16)
        assert held == own & (1 << 21 | 1 << 38)


def test_without_the_filter_files_are_still_guarded(
    root: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    told = probe(root, plan_of(root, sandbox, "connecting", filtered=False))
    assert {told[name] for name in SHUT} == {"PermissionError"}
    assert told["udp"] == "done"
