"""Jobs that try to get out of their worker; each tells what the system answered."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path


def answer(act: Callable[[], object]) -> str:
    """``"done"``, or the class of the error."""
    try:
        act()
    except Exception as error:
        return type(error).__name__
    return "done"


def write(paths: list[str]) -> dict[str, str]:
    return {path: answer(lambda path=path: Path(path).write_text("changed")) for path in paths}


def read(paths: list[str]) -> dict[str, str]:
    return {path: answer(lambda path=path: Path(path).open("rb").read(1)) for path in paths}


def list_folders(paths: list[str]) -> dict[str, str]:
    return {path: answer(lambda path=path: os.listdir(path)) for path in paths}


def change(file: str, folder: str) -> dict[str, str]:
    libc = ctypes.CDLL(None, use_errno=True)

    def truncate() -> None:
        if libc.truncate(file.encode(), 0) != 0:
            raise OSError(ctypes.get_errno(), "truncate")

    own = Path.cwd()
    return {
        "remove": answer(lambda: os.unlink(file)),
        "rename": answer(lambda: os.rename(file, own / "taken")),
        "move into": answer(lambda: os.rename(_made(own / "given"), Path(folder) / "given")),
        "link": answer(lambda: os.link(file, own / "linked")),
        "truncate": answer(truncate),
        "make folder": answer(lambda: os.mkdir(Path(folder) / "made")),
        "remove folder": answer(lambda: os.rmdir(folder)),
    }


def change_metadata(file: str) -> None:
    for act in (
        lambda: os.chmod(file, 0o777),
        lambda: os.utime(file, (1, 1)),
        lambda: os.setxattr(file, "user.mark", b"x"),
        lambda: os.chown(file, os.getuid(), os.getgid()),
    ):
        with contextlib.suppress(OSError):
            act()


def traps() -> dict[str, str]:
    """What would lead astray, or hold up, a parent that opens files of this folder by name."""
    return {
        "symbolic link": answer(lambda: os.symlink("/etc/passwd", "link")),
        "pipe": answer(lambda: os.mkfifo("pipe")),
        "socket": answer(lambda: os.mknod("socket", 0o140600)),
    }


def network(port: int, unix: str) -> dict[str, str]:
    def reach(family: int, kind: int, address: object) -> None:
        with socket.socket(family, kind) as made:
            made.connect(address)
            made.send(b"x")

    def redirect() -> None:
        one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with one, two:
            one.sendto(b"x", unix)

    return {
        "tcp": answer(lambda: reach(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))),
        "tcp6": answer(lambda: reach(socket.AF_INET6, socket.SOCK_STREAM, ("::1", port))),
        "udp": answer(lambda: reach(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))),
        "unix": answer(lambda: reach(socket.AF_UNIX, socket.SOCK_DGRAM, unix)),
        "unix packets": answer(lambda: reach(socket.AF_UNIX, socket.SOCK_SEQPACKET, unix + ".packets")),
        "redirected pair": answer(redirect),
        "netlink": answer(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    }


def signals(pids: list[int]) -> dict[str, str]:
    own = answer(lambda: os.kill(os.getpid(), 0))
    return {"own": own} | {str(pid): answer(lambda pid=pid: os.kill(pid, signal.SIGKILL)) for pid in pids}


def look_into(pid: int) -> dict[str, str]:
    place = Path(f"/proc/{pid}")
    libc = ctypes.CDLL(None, use_errno=True)

    def attach() -> None:
        if libc.ptrace(16, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    return {
        "memory": answer(lambda: (place / "mem").open("rb")),
        "environment": answer(lambda: (place / "environ").read_bytes()),
        "open files": answer(lambda: (place / "fd/0").open("rb")),
        "names of open files": answer(lambda: os.readlink(place / "fd/0")),
        "working folder": answer(lambda: os.listdir(place / "cwd")),
        "root": answer(lambda: os.listdir(place / "root")),
        "trace": answer(attach),
    }


def privileges() -> dict[str, object]:
    libc = ctypes.CDLL(None, use_errno=True)
    lines = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "capabilities": lines["CapEff"],
        "after a new program": subprocess.run(
            ["grep", "CapEff", "/proc/self/status"], capture_output=True, text=True, check=True
        ).stdout.split()[-1],
        "no new privileges": lines["NoNewPrivs"],
        "namespace": libc.unshare(0x10000000),
        "mount": libc.mount(b"none", b"/mnt", b"tmpfs", 0, None),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    }


def useful() -> dict[str, object]:
    """What a job may need: its folders, programs, threads, a pool of processes, a pair of sockets."""

    for name in ("HOME", "TMPDIR", "TRITON_CACHE_DIR"):
        folder = Path(os.environ[name]) / "deeper"
        folder.mkdir()
        (folder / "a").write_text("x")
        (folder / "a").replace(folder / "b")
        (folder / "b").unlink()
        folder.rmdir()
    thread = threading.Thread(target=Path("made by a thread").touch)
    thread.start()
    thread.join()
    one, two = socket.socketpair()
    one.sendall(b"x")
    child = multiprocessing.get_context("fork").Process(target=two.sendall, args=(b"y",))
    child.start()
    child.join()
    said = subprocess.run(["uname"], capture_output=True, text=True, check=True).stdout.strip()
    Path("/dev/null").write_text("x")
    return {
        "received": (two.recv(1) + one.recv(1)).decode(),
        "child": child.exitcode,
        "said": said,
        "random": len(os.urandom(4)),
    }


def start_like_cuda() -> dict[str, str]:
    """What CUDA's driver does before anything else, and cannot do without."""

    def name_a_thread() -> None:
        wait = threading.Event()
        thread = threading.Thread(target=wait.wait)
        thread.start()
        try:
            Path(f"/proc/self/task/{thread.native_id}/comm").write_text("named")
        finally:
            wait.set()
            thread.join()

    def listen() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
            made.bind(f"\0tilewright-test-{os.getpid()}")
            made.listen()

    return {"name a thread": answer(name_a_thread), "listen": answer(listen)}


def write_file(megabytes: int) -> str:
    block = b"\0" * (1 << 20)
    with open("large", "wb", buffering=0) as file:
        for _ in range(megabytes):
            file.write(block)
    return "written"


def fork_without_end() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        with contextlib.suppress(OSError):
            os.fork()


def start_threads(count: int) -> None:
    wait = threading.Event()
    for _ in range(count):
        threading.Thread(target=wait.wait, daemon=True).start()
    wait.wait()


def leave_children(token: str, count: int) -> int:
    """Grandchildren in sessions of their own, with an empty environment and no parent that waits for them."""
    script = "import os, signal, sys; os.setsid() if os.fork() == 0 else os._exit(0); signal.pause()"
    for _ in range(count):
        subprocess.run([sys.executable, "-S", "-c", script, token], env={}, start_new_session=True, check=True)
    return count


def flood() -> None:
    """Write lines to the pipe of results without end."""
    while True:
        for number in range(3, 16):
            with contextlib.suppress(OSError):
                os.write(number, b"{}\n" * 1000)


def _made(path: Path) -> Path:
    path.write_text("x")
    return path
