"""Candidates that crash, hang, write out of bounds, or exhaust memory; all of the task ``pointwise``."""

from __future__ import annotations

from dataclasses import dataclass

from stress_tasks import BLEND_KERNEL, BLEND_MODEL, HEAD, edited


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One way to go down."""

    kind: str
    """``crash``, ``hang``, ``out of bounds`` or ``out of memory``."""
    name: str
    text: str
    needs_gpu: bool = False


PLAIN = HEAD + BLEND_KERNEL + BLEND_MODEL.replace("PROGRAMS", "triton.cdiv(n, 64)").replace("SIZE", "64")
STORE = "    tl.store(z_ptr + offsets, z, mask=mask)\n"
LAUNCH = "        blend_kernel[(triton.cdiv(n, 64),)](x, y, z, n, BLOCK=64)\n"
RETURN = "        return z\n"

INTRUDE = """import pwd
        places = [pwd.getpwuid(os.getuid()).pw_dir, '/tmp', '/var/tmp', '/dev/shm', *sys.path]
        for place in places:
            try:
                with open(os.path.join(place, '{litter}'), 'w') as file:
                    file.write('here')
            except OSError:
                pass
"""
"""Tries to write everywhere that a user may."""

CRASHES = {
    "reads address 0": "import ctypes\n        ctypes.string_at(0)",
    "calls abort": "import os\n        os.abort()",
    "exits with 0": "import os\n        os._exit(0)",
    "exits with 7": "import os\n        os._exit(7)",
    "raises SystemExit by another name": "import sys\n        getattr(sys, 'ex' + 'it')(0)",
    "kills itself": "import os\n        os.kill(os.getpid(), 9)",
    "sends itself a segmentation fault": "import os\n        os.kill(os.getpid(), 11)",
    "ends its own process group": "import os\n        os.killpg(0, 15)",
    "recurses": "down = lambda n: 1 + down(n + 1)\n        down(0)",
    "recurses with the guard off": "import sys\n        sys.setrecursionlimit(1 << 30)\n        v = w = []\n"
    "        for _ in range(1 << 18):\n            v, w = [v], [w]\n        return [v == w]",
    "closes every file": "import os\n        os.closerange(0, 4096)",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "writes everywhere and aborts": "import os, sys\n        {intrude}        os.abort()",
    "writes everywhere and raises": "import os, sys\n        {intrude}        raise ValueError('done')",
}
"""Statements before ``return``."""

HANGS = {
    "loops": "while True:\n            pass",
    "sleeps": "import time\n        time.sleep(1e6)",
    "waits for a lock": "import threading\n        lock = threading.Lock()\n        lock.acquire()\n"
    "        lock.acquire()",
    "ignores SIGTERM and loops": "import signal\n        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "        while True:\n            pass",
    "waits for a child that sleeps": "import subprocess\n        subprocess.run(['sleep', '1000'])",
    "leaves a detached child and sleeps": "import subprocess, time\n"
    "        subprocess.Popen(['sleep', '1000'], start_new_session=True)\n        time.sleep(1e6)",
    "forks and both loop": "import os\n        os.fork()\n        while True:\n            pass",
}

HOST_MEMORY = {
    "a list of blocks": "held = []\n        while True:\n            held.append(bytearray(b'x' * (1 << 24)))",
    "doubles a text": "text = 'x' * 1024\n        while True:\n            text = text + text",
    "tensors of ones": "held = []\n        while True:\n            held.append(torch.ones(1 << 22))",
    "one large array": "import numpy\n        held = numpy.ones(1 << 36)",
    "a dictionary": "held = {}\n        while True:\n            held[len(held)] = 'x' * 4096 + str(len(held))",
}
DEVICE_MEMORY = {
    "a block of 64 TiB": "held = torch.empty(1 << 46, dtype=torch.uint8, device=x.device)",
    "a list of device blocks": "held = []\n        while True:\n"
    "            held.append(torch.ones(1 << 26, device=x.device))",
    "doubles a device tensor": "held = x.reshape(-1)\n        while True:\n            held = torch.cat((held, held))",
    "clones for ever": "held = []\n        while True:\n            held.extend(x.clone() for _ in range(10000))",
    "an outer product": "side = torch.ones(1 << 21, device=x.device)\n        held = torch.outer(side, side)",
}

BEYOND = {
    # each writes the right answer, and something else where nothing of its own lies
    "one element after the end": "    tl.store(z_ptr + n, 1.0)\n",
    "64 elements after the end": "    tl.store(z_ptr + n + tl.arange(0, 64), z)\n",
    "one element before the start": "    tl.store(z_ptr - 1, 1.0)\n",
    "a page before the start": "    tl.store(z_ptr - 1024 + tl.arange(0, 64), z)\n",
    "a block 2 KB after the end": "    tl.store(z_ptr + n + 512 + tl.arange(0, 64), z)\n",
    "a block 8 KB after the end": "    tl.store(z_ptr + n + 2048 + tl.arange(0, 64), z)\n",
    "after the end of an input": "    tl.store(x_ptr + n + tl.arange(0, 64), z)\n",
    "before the start of an input": "    tl.store(y_ptr - 64 + tl.arange(0, 64), z)\n",
    "adds atomically after the end": "    tl.atomic_add(z_ptr + n + tl.arange(0, 64), z)\n",
}
WILD = {
    "loads 16 TiB away": (STORE, "    z += tl.load(x_ptr + (n.to(tl.int64) + (1 << 42)))\n" + STORE),
    "stores 16 TiB away": (STORE, STORE + "    tl.store(z_ptr + (n.to(tl.int64) + (1 << 42)), 1.0)\n"),
    "follows a number as a pointer": (
        STORE,
        "    z += tl.load((n.to(tl.int64) + 64).to(tl.pointer_type(tl.float32)))\n" + STORE,
    ),
}
TRAP = (
    "    z = tl.inline_asm_elementwise('trap; mov.b32 $0, $1;', '=f,f', [z], dtype=tl.float32, is_pure=False, pack=1)\n"
)


def failures(litter: str) -> list[Failure]:
    """All fifty.

    Args:
        litter: name of the file that intruders try to leave wherever they can.
    """
    return [*_crashes(litter), *_hangs(), *_out_of_bounds(), *_out_of_memory()]


def _before_return(statements: str) -> str:
    return edited(PLAIN, (RETURN, f"        {statements}\n{RETURN}"))


def _crashes(litter: str) -> list[Failure]:
    intrude = INTRUDE.format(litter=litter)
    found = [
        Failure(kind="crash", name=name, text=_before_return(code.replace("{intrude}", intrude)))
        for name, code in CRASHES.items()
    ]
    found += [Failure(kind="crash", name=name, text=edited(PLAIN, edit)) for name, edit in WILD.items()]
    at_import = PLAIN.replace("import torch\n", "import os\nimport torch\n\nos.abort()\n", 1)
    found.append(Failure(kind="crash", name="aborts at import", text=at_import))
    traps = edited(PLAIN, (STORE, TRAP + STORE))
    found.append(Failure(kind="crash", name="traps on the device", text=traps, needs_gpu=True))
    # not index_select, which keeps the lower 32 bits of an index on a device: of 1 << 40 that leaves 0
    index = "torch.zeros(4, device=x.device)[torch.tensor([1 << 20], device=x.device)].sum().item()"
    found.append(Failure(kind="crash", name="indexes out of range on the device", text=_before_return(index)))
    return found


def _hangs() -> list[Failure]:
    found = [Failure(kind="hang", name=name, text=_before_return(code)) for name, code in HANGS.items()]
    spins = {
        "kernel waits for a value": "    while tl.load(lock_ptr, volatile=True) != 12345:\n        z += 1.0\n",
        "kernel waits for a lock": "    while tl.atomic_cas(lock_ptr, 7, 1) != 7:\n        z += 1.0\n",
        "kernel counts for ever": "    i = 0\n    while i >= 0:\n"
        "        i = (i + tl.load(lock_ptr, volatile=True)) & 1023\n",
    }
    for name, code in spins.items():
        text = edited(
            PLAIN,
            ("z_ptr, n, BLOCK", "z_ptr, lock_ptr, n, BLOCK"),
            (STORE, code + STORE),
            ("(x, y, z, n, BLOCK", "(x, y, z, torch.ones(1, dtype=torch.int32, device=x.device), n, BLOCK"),
        )
        found.append(Failure(kind="hang", name=name, text=text))
    return found


def _out_of_bounds() -> list[Failure]:
    found = [
        Failure(kind="out of bounds", name=name, text=edited(PLAIN, (STORE, STORE + code)))
        for name, code in BEYOND.items()
    ]
    more = edited(
        PLAIN, (STORE, STORE.replace("mask=mask", "mask=offsets < n + 1000")), ("cdiv(n, 64)", "cdiv(n, 64) + 9")
    )
    more = more.replace("x = tl.load(x_ptr + offsets, mask=mask)", "x = tl.load(x_ptr + offsets, mask=mask, other=0.0)")
    found.append(Failure(kind="out of bounds", name="nine programs too many", text=more))
    return found


def _out_of_memory() -> list[Failure]:
    return [
        Failure(kind="out of memory", name=name, text=_before_return(code))
        for name, code in {**HOST_MEMORY, **DEVICE_MEMORY}.items()
    ]
