"""What confined code can and cannot do, tried from inside a worker, for each sandbox that this machine has."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_cases import all_end, running

import tilewright
from tilewright.errors import InputError
from tilewright.workers import UNSANDBOXED, Outcome, Pool, Sandbox, Worker, best_sandbox
from tilewright.workers.sandbox import landlock, sandbox_of_kind
from tilewright.workers.sandbox.choose import tried

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parent)}
LONG_S = 60.0
KINDS = ("bubblewrap", "landlock", "oldest landlock")


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """One kind; ``oldest landlock`` is what a kernel of 2021 gives in a container: no namespaces, version 1."""
    if request.param == "oldest landlock":
        if not landlock.version():
            pytest.skip("no Landlock here")
        found = tried(Sandbox(kind="landlock", landlock_abi=1))
    else:
        found = sandbox_of_kind(request.param)
    if not found.confines:
        pytest.skip(f"{request.param}: {found.reason}")
    return found


@pytest.fixture(scope="module")
def worker(sandbox: Sandbox) -> Iterator[Worker]:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox) as worker:
        yield worker


def value(outcome: Outcome) -> dict[str, object]:
    assert outcome.kind == "returned", outcome
    assert isinstance(outcome.value, dict)
    return outcome.value


def test_the_worker_runs_in_the_sandbox_that_was_asked_for(worker: Worker, sandbox: Sandbox) -> None:
    assert worker.sandbox is sandbox
    assert sandbox.confines
    assert "no network" in sandbox.in_force
    assert sandbox.name in str(sandbox)


def test_files_elsewhere_cannot_be_written(worker: Worker, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    own = worker.folder / "own"
    package = Path(tilewright.__file__)
    targets = [kept, tmp_path / "new", package, package.parent / "new.py", Path.home() / ".tilewright_test"]
    targets += [Path.cwd() / "tilewright_test", Path("/usr/tilewright_test"), Path("/etc/tilewright_test")]
    targets += [Path(f"/proc/{os.getpid()}/comm"), Path("/proc/sys/kernel/tilewright_test")]
    targets += [worker.folder.parent / "output.log", worker.folder.parent / "new", Path("/dev/tilewright_test")]
    before = package.read_bytes()
    told = value(worker.call("hostile_jobs:write", {"paths": [*map(str, targets), str(own)]}, timeout_s=LONG_S))
    assert {path for path, answer in told.items() if answer == "done"} == {str(own)}
    assert own.read_text() == "changed"
    assert (kept.read_text(), package.read_bytes()) == ("kept", before)
    assert not any(target.exists() for target in targets if target.name in ("new", "new.py", "tilewright_test"))


def test_files_elsewhere_cannot_be_changed_in_other_ways(worker: Worker, tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    kept.write_text("kept")
    folder.mkdir()
    before = kept.stat()
    told = value(worker.call("hostile_jobs:change", {"file": str(kept), "folder": str(folder)}, timeout_s=LONG_S))
    assert [what for what, answer in told.items() if answer == "done"] == []
    worker.call("hostile_jobs:change_metadata", {"file": str(kept)}, timeout_s=LONG_S)
    # of this file too, which the worker can see
    seen = Path(__file__).with_name("jobs.py")
    mode = seen.stat()
    worker.call("hostile_jobs:change_metadata", {"file": str(seen)}, timeout_s=LONG_S)
    after = seen.stat()
    assert (after.st_mode, after.st_mtime_ns) == (mode.st_mode, mode.st_mtime_ns)
    assert os.listxattr(seen) == os.listxattr(Path(__file__))
    now = kept.stat()
    assert (kept.read_text(), now.st_mode, now.st_mtime_ns) == ("kept", before.st_mode, before.st_mtime_ns)
    assert list(folder.iterdir()) == []


def test_only_the_system_and_packages_can_be_read(worker: Worker, sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with Worker(environment=ENVIRONMENT, sandbox=sandbox) as other:
        theirs = other.folder / "answer"
        theirs.write_text("x")
        hidden = [str(secret), str(theirs)]
        shown = [os.__file__, tilewright.__file__, "/proc/self/status", "/dev/urandom", sys.executable]
        told = value(worker.call("hostile_jobs:read", {"paths": hidden + shown}, timeout_s=LONG_S))
        assert {path for path, answer in told.items() if answer == "done"} == set(shown)
        folders = [str(tmp_path), str(other.folder), str(other.folder.parent)]
        told = value(worker.call("hostile_jobs:list_folders", {"paths": folders}, timeout_s=LONG_S))
        assert [path for path, answer in told.items() if answer == "done"] == []


def test_nothing_can_be_left_for_the_parent_to_trip_over(worker: Worker) -> None:
    told = value(worker.call("hostile_jobs:traps", {}, timeout_s=LONG_S))
    assert [what for what, answer in told.items() if answer == "done"] == []


def test_no_network_and_no_sockets_of_other_processes(worker: Worker, tmp_path: Path) -> None:
    unix = str(tmp_path / "socket")
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        local = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        local.bind(unix)
        packets = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        packets.bind(unix + ".packets")
        packets.listen()
        port = tcp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", port))
            told = value(worker.call("hostile_jobs:network", {"port": port, "unix": unix}, timeout_s=LONG_S))
            assert [what for what, answer in told.items() if answer == "done"] == []
            assert select.select([tcp, udp, local, packets], [], [], 0)[0] == []


def test_other_processes_cannot_be_ended_or_read(worker: Worker) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"]) as sibling:
        try:
            pids = [os.getpid(), sibling.pid]
            # the parent itself is of the same kind as this sibling, and would not live to tell
            told = value(worker.call("hostile_jobs:signals", {"pids": [sibling.pid]}, timeout_s=LONG_S))
            assert told["own"] == "done"
            assert told[str(sibling.pid)] in ("PermissionError", "ProcessLookupError")
            assert sibling.poll() is None
            for pid in pids:
                told = value(worker.call("hostile_jobs:look_into", {"pid": pid}, timeout_s=LONG_S))
                assert [what for what, answer in told.items() if answer == "done"] == []
        finally:
            sibling.kill()


def test_no_privileges_are_left_or_can_be_gained(worker: Worker) -> None:
    told = value(worker.call("hostile_jobs:privileges", {}, timeout_s=LONG_S))
    assert told["capabilities"] == told["after a new program"] == "0" * 16
    assert (told["no new privileges"], told["core"]) == ("1", 0)
    assert (told["namespace"], told["mount"]) == (-1, -1)


def test_what_jobs_need_goes_on_working(worker: Worker) -> None:
    told = value(worker.call("hostile_jobs:useful", {}, timeout_s=LONG_S))
    assert told == {"received": "xy", "child": 0, "said": "Linux", "random": 4}


def test_what_cuda_needs_is_allowed(worker: Worker) -> None:
    told = value(worker.call("hostile_jobs:start_like_cuda", {}, timeout_s=LONG_S))
    assert set(told.values()) == {"done"}


def test_a_file_larger_than_the_limit_is_refused(sandbox: Sandbox) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox, file_bytes=4 << 20) as worker:
        assert worker.call("hostile_jobs:write_file", {"megabytes": 3}, timeout_s=LONG_S).value == "written"
        outcome = worker.call("hostile_jobs:write_file", {"megabytes": 6}, timeout_s=LONG_S)
        assert (outcome.kind, outcome.error_type) == ("raised", "OSError")
        assert (worker.folder / "large").stat().st_size == 4 << 20


def test_a_fork_bomb_ends_and_leaves_nothing(sandbox: Sandbox) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox, task_limit=60) as worker:
        token = str(worker.folder.parent)
        assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2
        outcome = worker.call("hostile_jobs:fork_without_end", {}, timeout_s=LONG_S)
        assert outcome.kind == "crashed"
        assert "the limit is 60" in outcome.message
        assert all_end(token)
        assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2


def test_threads_are_limited_too(sandbox: Sandbox) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox, task_limit=60) as worker:
        outcome = worker.call("hostile_jobs:start_threads", {"count": 90}, timeout_s=LONG_S)
        assert outcome.kind == "crashed"
        assert "processes and threads" in outcome.message


def test_children_that_hide_end_with_the_worker(sandbox: Sandbox, tmp_path: Path) -> None:
    token = str(tmp_path)
    with Worker(environment=ENVIRONMENT, sandbox=sandbox) as worker:
        assert worker.call("hostile_jobs:leave_children", {"token": token, "count": 3}, timeout_s=LONG_S).value == 3
        assert len(running(token)) == 3
    assert all_end(token)


def test_a_job_that_floods_the_pipe_meets_its_time_limit(sandbox: Sandbox) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox) as worker:
        assert worker.call("hostile_jobs:flood", {}, timeout_s=0.5).kind == "timed_out"


def test_more_folders_can_be_opened_for_writing(sandbox: Sandbox, tmp_path: Path) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=sandbox, writable=[tmp_path]) as worker:
        told = value(worker.call("hostile_jobs:write", {"paths": [str(tmp_path / "a")]}, timeout_s=LONG_S))
        assert list(told.values()) == ["done"]
    assert (tmp_path / "a").read_text() == "changed"


@pytest.mark.parametrize(
    "broken",
    [Sandbox(kind="landlock"), Sandbox(kind="bubblewrap", program="/bin/false")],
    ids=["landlock", "bubblewrap"],
)
def test_a_worker_without_the_sandbox_asked_for_runs_nothing(broken: Sandbox) -> None:
    with Worker(environment=ENVIRONMENT, sandbox=broken) as worker:
        outcome = worker.call("hostile_jobs:write", {"paths": [str(worker.folder / "ran")]}, timeout_s=LONG_S)
        assert outcome.kind == "crashed"
        assert "sandbox" in outcome.message or "while it started" in outcome.message
        assert not (worker.folder / "ran").exists()


def test_none_is_told_apart_and_holds_nothing_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILEWRIGHT_SANDBOX", "none")
    found = best_sandbox()
    assert found == UNSANDBOXED
    assert (found.confines, found.name, found.in_force) == (False, "unsandboxed", ())
    with Worker(environment=ENVIRONMENT) as worker:
        assert worker.sandbox == found
        told = value(worker.call("hostile_jobs:write", {"paths": [str(tmp_path / "a")]}, timeout_s=LONG_S))
        assert list(told.values()) == ["done"]


def test_a_kind_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEWRIGHT_SANDBOX", "chroot")
    with pytest.raises(InputError, match="TILEWRIGHT_SANDBOX=chroot: no such sandbox; give auto"):
        best_sandbox()
    for kind in ("bubblewrap", "landlock"):
        monkeypatch.setenv("TILEWRIGHT_SANDBOX", kind)
        if sandbox_of_kind(kind).confines:
            assert best_sandbox().kind == kind
        else:
            with pytest.raises(InputError, match="does not work here"):
                best_sandbox()
    monkeypatch.setenv("TILEWRIGHT_SANDBOX", "auto")
    assert best_sandbox() is best_sandbox()


def test_a_restarted_worker_is_a_fresh_process() -> None:
    with Worker(environment=ENVIRONMENT) as worker:
        worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S)
        before = worker.pid
        worker.restart()
        assert worker.pid is None
        assert worker.call("jobs:add", {"a": 1, "b": 1}, timeout_s=LONG_S).value == 2
        assert worker.pid != before


def test_a_pool_is_confined_as_well(sandbox: Sandbox, tmp_path: Path) -> None:
    with Pool(1, environment=ENVIRONMENT, sandbox=sandbox) as pool:
        (outcome,) = pool.map("hostile_jobs:write", [{"paths": [str(tmp_path / "a")]}], timeout_s=LONG_S)
    assert "done" not in value(outcome).values()


def test_a_worker_killed_by_the_system_for_lack_of_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Worker(environment=ENVIRONMENT) as worker:
        arguments = {"number": int(signal.SIGKILL)}
        assert worker.call("jobs:kill_self", arguments, timeout_s=LONG_S).kind == "crashed"
        counts = iter(range(100))
        monkeypatch.setattr("tilewright.workers.session.oom_kills", lambda: next(counts))
        assert worker.call("jobs:kill_self", arguments, timeout_s=LONG_S).kind == "out_of_memory"
