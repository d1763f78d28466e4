"""The replay on the CPU: Triton's interpreter for a GPU, and a profiler that only counts."""

import contextlib
import os
import sys
from pathlib import Path

import torch

from tilewright.profiling import replay
from tilewright.prove.device import cuda_on_cpu


class Host:
    """Notes what it is told into a file beside the request."""

    name = "cpu"

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "host.txt"

    def _note(self, what: str) -> None:
        with self.notes.open("a") as notes:
            notes.write(what + "\n")

    def prepare(self) -> dict[str, object]:
        if os.environ.get("TILEWRIGHT_FAKE_NCU") == "device fails":
            raise RuntimeError("no CUDA device")
        torch.set_num_threads(1)
        self._note("prepare")
        return {"device": "host", "compute_capability": [9, 0]}

    def start(self) -> None:
        self._note("start")

    def stop(self) -> None:
        self._note("stop")

    def wait(self) -> None:
        self._note("wait")

    def times(self, call):
        call()
        return [("host", 1.0)]


if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        stack.enter_context(cuda_on_cpu())
        sys.exit(replay.main(sys.argv[1:], Host(Path(sys.argv[1]).parent)))
