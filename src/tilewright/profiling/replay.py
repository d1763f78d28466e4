"""One forward call of a kernel file under a profiler: worker side.

``python -m tilewright.profiling.replay REQUEST``. The file is called until it is warm and its autotuners have settled,
then once more between profiler start and stop. How far it came is written, one JSON object a step, into the file that
the request names: what stands there is a claim of the code that runs here, as everything that comes out of a worker is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from tilewright.workers.sandbox.confine import apply
from tilewright.workers.sandbox.plan import Plan, SandboxError

WARM_CALLS = 3
"""Calls before the one that is looked at: the first compiles and tunes."""
_PLACES = re.compile(r"/[^\s:'\"]*/NVIDIA-treetracker-[^\s:'\"/]+")
"""Folder of the pipes by which the profiler follows processes, as it names it in a variable."""


class Device(Protocol):
    """Where the call is made, and how a profiler is told when to look."""

    name: str

    def prepare(self) -> dict[str, Any]:
        """Make the device ready, so that a profiler has connected, and say what it is."""

    def start(self) -> None:
        """Look from here."""

    def stop(self) -> None:
        """Look no further."""

    def wait(self) -> None:
        """Until everything that was launched is done."""

    def times(self, call: Callable[[], Any]) -> list[tuple[str, float]]:
        """Names and times in us of the kernels that one call launches, without counters; empty where nothing tells."""


class Cuda:
    """The first CUDA device."""

    name = "cuda"

    def prepare(self) -> dict[str, Any]:
        """Make the context: with it a profiler's library is loaded and its connection made."""
        import torch

        torch.cuda.init()
        torch.zeros(1, device=self.name).add_(1)
        torch.cuda.synchronize()
        properties = torch.cuda.get_device_properties(0)
        return {"device": properties.name, "compute_capability": [properties.major, properties.minor]}

    def start(self) -> None:
        """Tell the profiler to look."""
        import torch

        torch.cuda.cudart().cudaProfilerStart()

    def stop(self) -> None:
        """Tell the profiler to stop."""
        import torch

        torch.cuda.cudart().cudaProfilerStop()

    def wait(self) -> None:
        """Wait for the whole device."""
        import torch

        torch.cuda.synchronize()

    def times(self, call: Callable[[], Any]) -> list[tuple[str, float]]:
        """By the driver's activity records, which need no permission for counters."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            call()
            self.wait()
        events = [event for event in seen.events() if str(event.device_type).endswith("CUDA")]
        found = [(event.name, _device_us(event)) for event in events]
        return [(name, time) for name, time in found if time > 0 and not name.startswith(("Memcpy", "Memset"))]


def _device_us(event: Any) -> float:
    """Of one activity record; torch renamed the attribute."""
    for name in ("self_device_time_total", "self_cuda_time_total"):
        if hasattr(event, name):
            return float(getattr(event, name))
    return 0.0


def main(arguments: list[str], device: Device | None = None) -> int:
    """Confine this process, and make the call. Exit code 0 where the profiled call came to its end."""
    request = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    progress = Path(request["progress"])

    def reached(step: str, **told: Any) -> None:
        with progress.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, **told}) + "\n")

    try:
        plan = Plan.from_json(request["plan"])
        reached("confined", by=list(apply(_with_profilers_own(plan))))
        where = Cuda() if device is None else device
        reached("ready", **where.prepare())
        told = replay(request, where, reached)
    except SandboxError as error:
        reached("not confined", why=str(error))
        return 3
    except BaseException as error:  # the file may raise anything, SystemExit included
        traceback.print_exc()
        reached("raised", **_in_words(error, str(request["source"])))
        return 4
    reached("done", **told)
    return 0


def timed(*, request: dict[str, Any]) -> dict[str, Any]:
    """The times of the kernels of one warm call, as a job of an ordinary worker: no profiler around it."""
    device = Cuda()
    told = device.prepare()
    with _call_of(request, device) as call:
        _warm(call, device)
        return told | {"times": device.times(call)}


def replay(request: dict[str, Any], device: Device, reached: Callable[..., None]) -> dict[str, Any]:
    """Call the file until it is warm, then once under the profiler's eyes; what was seen of its autotuners."""
    with _call_of(request, device) as call:
        _warm(call, device)
        reached("warm")
        with _watched_tuners() as tuners:
            device.start()
            try:
                call()
                device.wait()
            finally:
                device.stop()
    return {"tuned_again": tuners.again, "configurations": tuners.chosen}


def _warm(call: Callable[[], Any], device: Device) -> None:
    for _ in range(WARM_CALLS):
        call()
    device.wait()


class _Tuners:
    """What was seen of autotuners during the profiled call."""

    def __init__(self) -> None:
        self.again = 0
        """Configurations that were timed, which should have been settled before."""
        self.chosen: dict[str, str] = {}


@contextlib.contextmanager
def _watched_tuners() -> Iterator[_Tuners]:
    from triton.runtime.autotuner import Autotuner

    seen, bench, run = _Tuners(), Autotuner._bench, Autotuner.run

    def counted(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        seen.again += 1
        return bench(tuner, *args, **kwargs)

    def noted(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        result = run(tuner, *args, **kwargs)
        name = getattr(getattr(tuner, "base_fn", None), "__name__", "kernel")
        seen.chosen[name] = str(getattr(tuner, "best_config", ""))
        return result

    Autotuner._bench, Autotuner.run = counted, noted
    try:
        yield seen
    finally:
        Autotuner._bench, Autotuner.run = bench, run


@contextlib.contextmanager
def _call_of(request: dict[str, Any], device: Device) -> Iterator[Callable[[], Any]]:
    """The call, made ready: file, model, inputs."""
    import torch

    from tilewright.capture.model import load
    from tilewright.prove.instance import fill_unset

    seed = int(request["seed"])
    torch.manual_seed(seed)
    module = load(request["source"], "tilewright_profiled")
    arguments = [tuple(one) if isinstance(one, list) else one for one in request["init"]]
    model = module.ModelNew(*arguments)
    if isinstance(model, torch.nn.Module):
        model.to(device.name)
        fill_unset(model, seed)
    inputs = _inputs(request, device.name)
    with torch.no_grad():
        yield lambda: model(*inputs)


def _inputs(request: dict[str, Any], device: str) -> list[Any]:
    """The reference's own values where it has some that fit, else values by the specs."""
    import torch

    from tilewright.capture.model import load

    specs = request["inputs"]
    if request["reference"]:
        torch.manual_seed(int(request["seed"]))
        given = list(load(request["reference"], "tilewright_reference").get_inputs())
        if len(given) == len(specs) and all(_fits(one, spec) for one, spec in zip(given, specs, strict=True)):
            return [one.to(device) if isinstance(one, torch.Tensor) else one for one in given]
    return [_made(request, index, device) for index in range(len(specs))]


def _fits(value: Any, spec: dict[str, Any]) -> bool:
    import torch

    if not isinstance(value, torch.Tensor):
        return "value" in spec
    return "value" not in spec and list(value.shape) == spec["shape"] and not spec["offset"] and not spec["strides"]


def _made(request: dict[str, Any], index: int, device: str) -> Any:
    import torch

    from tilewright.prove import generate

    spec = request["inputs"][index]
    if "value" in spec:
        return spec["value"]
    told = {"seed": request["seed"], "salt": "profile", "distribution": "uniform", "moved_by": 0}
    values = generate.values(told | {"specs": request["inputs"]}, index, device)
    if not spec["strides"] and not spec["offset"]:
        return values
    strides = spec["strides"] or list(values.stride())
    extent = 1 + sum((size - 1) * stride for size, stride in zip(values.shape, strides, strict=True))
    storage = torch.zeros(max(extent, 1) + spec["offset"], dtype=values.dtype, device=device)
    # an expanded dimension is one place in memory, which can be written once only
    once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in strides)
    storage.as_strided(values[once].shape, strides, spec["offset"]).copy_(values[once])
    return storage.as_strided(values.shape, strides, spec["offset"])


def _with_profilers_own(plan: Plan) -> Plan:
    """The plan with the folders that the profiler, in variables of its own, told this process to meet it in."""
    if plan.sockets == "none":
        return plan
    named = [path for name, value in os.environ.items() if name.startswith("NV") for path in _PLACES.findall(value)]
    own = tuple(dict.fromkeys(path for path in named if os.path.isdir(path) and os.stat(path).st_uid == os.getuid()))
    return replace(plan, writable=plan.writable + own, sockets_in=plan.sockets_in + own)


def _in_words(error: BaseException, source: str) -> dict[str, Any]:
    while error.__cause__ is not None:
        error = error.__cause__
    said = str(error).strip().splitlines()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    text = f"{type(error).__name__}: {said[0] if said else ''}"[:400]
    return {"why": text, "line": lines[-1] if lines else None}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
