"""TW805."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_NAMES = frozenset({"torch.cuda.Stream", "torch.cuda.stream", "torch.cuda.ExternalStream", "torch.Stream"})
_MODULES = frozenset({"threading", "multiprocessing", "concurrent", "asyncio", "_thread"})


class StreamsAndThreads(Rule):
    """Work on a stream or thread of its own is not finished when the clock stops on the default stream: the time
    measured is not the time taken, and the result may be read before it is there.
    """

    code = "TW805"
    name = "streams-and-threads"
    severity = Severity.ERROR
    examples = (
        Good("default-stream", HEADER + "def run(x):\n    return torch.empty_like(x)\n"),
        Good("current-stream", HEADER + "def run(x):\n    return torch.cuda.current_stream()\n"),
        Bad("own-stream", HEADER + "def run(x):\n    return torch.cuda.Stream()\n", "`torch.cuda.Stream`", line=8),
        Bad(
            "thread",
            "import threading\n" + HEADER + "def run(x):\n    return threading.Thread(target=run)\n",
            "`threading.Thread`",
            line=9,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at every call."""
        for node in file.tree.nodes:
            if isinstance(node, cst.Call):
                full = file.resolve(node.func)
                if full in _NAMES or ("." in full and full.split(".")[0] in _MODULES):
                    yield Report(
                        node, f"`{dotted(node.func)}` takes work off the stream that is timed; use the default stream"
                    )
