"""Run Nsight Compute on one forward call of a kernel file."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tilewright.errors import InputError, MetricsError
from tilewright.profiling import ncu
from tilewright.profiling.attempt import Attempt, Confinement, Files, attempt, confinements
from tilewright.profiling.catalog import TIME, valid_names
from tilewright.profiling.ncu_csv import LaunchRow, parse_csv
from tilewright.profiling.read import profile_of_launches
from tilewright.profiling.replay import WARM_CALLS
from tilewright.prove.inputs import python_value
from tilewright.prove.reference import read_reference_file
from tilewright.records.problem import Problem
from tilewright.records.profile import Profile
from tilewright.records.source import KernelSource
from tilewright.records.target import Target
from tilewright.workers import Worker

_IMPORT_LIMIT_S = 120.0
_LOCK_TICK_S = 0.1
_NO_SANDBOX = (
    "nothing here confines the code that would be profiled (Landlock does not work); pass --allow-unsandboxed to"
    " profile a file that you trust"
)


class ProfilerError(InputError):
    """No counters could be read. Says why, and what to do, in one line."""


class _NoWayError(Exception):
    """One way of running did not work; another one may."""

    def __init__(self, why: str, *, crashed: bool = False) -> None:
        super().__init__(why)
        self.crashed = crashed
        """Whether the process ended early although the profiler had reached it: the file may be what ended it."""


class Profiler:
    """Profiles files that are all called in the same way, one at a time for each GPU.

    Only for code that the user handed in, or that was proved: what is profiled shares a process with the profiler's
    library, so that less can be held back from it than from a worker. Each file runs in a process of its own, confined
    as strictly as the profiler's connection allows; :attr:`Profile.notes` say how.
    """

    def __init__(
        self,
        problem: Problem,
        reference: str | None = None,
        *,
        target: Target,
        seed: int,
        say: Callable[[str], None] = lambda step: None,
        allow_unsandboxed: bool = False,
        keep: Path | None = None,
    ) -> None:
        """Look whether profiling can work here; nothing starts yet.

        Args:
            problem: the call.
            reference: path of a KernelBench file whose ``get_inputs`` gives the values, where they fit the problem.
            target: the GPU in the machine.
            seed: of inputs and parameters.
            say: told what is being done, in a few words.
            allow_unsandboxed: profile also where nothing confines the process.
            keep: folder for the profiler's own reports; ``None`` keeps none.
        """
        self._problem, self._target, self._seed, self._say, self._keep = problem, target, seed, say, keep
        self._reference = None if reference is None else read_reference_file(reference).text
        self._ncu = ncu.find()
        self._ways = list(confinements(allow_unsandboxed=allow_unsandboxed))
        self._settled = False
        self.unavailable: str = self._preflight()
        """Why counters cannot be read here, and what to do about it; empty while they may be."""

    def profile(self, source: KernelSource, *, metrics: Sequence[str], limit_s: float) -> Profile:
        """Profile every kernel that one forward call launches, after warm-up and autotuning.

        Args:
            source: the file.
            metrics: names; what the chip does not have is replaced or left out with a note.
            limit_s: seconds of wall clock for all of it, waiting for another profiler on the same GPU included.

        Raises:
            ProfilerError: no counters could be read; :attr:`unavailable` says whether it is of use to try again.
        """
        if self.unavailable or self._ncu is None:
            raise ProfilerError(self.unavailable)
        deadline = time.monotonic() + limit_s
        capability = self._target.compute_capability
        wanted, notes = valid_names(metrics, capability)
        unknown = ncu.unknown_names(self._ncu, wanted, capability)
        notes += tuple(f"{name} is not known to Nsight Compute {self._ncu.version} on this GPU" for name in unknown)
        names = [name for name in wanted if name == TIME or name not in unknown]
        with _one_at_a_time(deadline), Files() as files:
            request = self._request(source, files.exchange)
            found, how, dropped = self._try_all(source, files, request, names, deadline)
            notes += tuple(f"{name} could not be collected and is left out" for name in dropped)
            return self._read(source, found, [name for name in names if name not in dropped], (*notes, *how))

    def times(self, source: KernelSource, *, limit_s: float) -> Profile:
        """The device time of every kernel of one warm forward call, by the driver's activity records.

        That takes no permission for counters and no Nsight Compute, and gives nothing but times. The file runs in an
        ordinary worker.

        Raises:
            ProfilerError: they could not be read.
        """
        with Worker(preload=("tilewright.profiling.replay",)) as worker:
            request = self._request(source, worker.folder)
            outcome = worker.call("tilewright.profiling.replay:timed", {"request": request}, timeout_s=limit_s)
        if outcome.kind != "returned":
            said = " ".join(f"{outcome.error_type} {outcome.message}".split())
            raise ProfilerError(f"{source.path}: no times could be read: {said[:300]}")
        try:
            told = [(str(name), float(time_us)) for name, time_us in outcome.value["times"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ProfilerError(f"{source.path}: no times could be read: the answer is not usable") from error
        rows = [LaunchRow(kernel=name, line=0, metrics={TIME: 1e3 * time_us}) for name, time_us in told]
        origin = "the driver's activity records"
        try:
            found = profile_of_launches(rows, source.kernels, origin=origin)
        except MetricsError as error:
            raise ProfilerError(f"{source.path}: no times could be read: {error.what}") from error
        return replace(found, notes=(*found.notes, f"times by {origin}: one warm call, no counters"))

    def _preflight(self) -> str:
        if self._ncu is None:
            return ncu.NOT_FOUND
        if not self._ways:
            return _NO_SANDBOX
        return ncu.no_permission()

    def _request(self, source: KernelSource, folder: Path) -> dict[str, Any]:
        digest = hashlib.sha256(source.text.encode()).hexdigest()[:16]
        file = folder / f"kernel_{digest}.py"
        # lines count as in the user's file
        file.write_text("\n" * (source.first_line - 1) + source.text, encoding="utf-8")
        reference = folder / "reference.py"
        if self._reference is not None:
            reference.write_text(self._reference, encoding="utf-8")
        return {
            "source": str(file),
            "reference": "" if self._reference is None else str(reference),
            "init": list(self._problem.init_arguments),
            "seed": self._seed,
            "inputs": [
                {"value": python_value(spec)}
                if spec.dtype == "python"
                else {
                    "dtype": spec.dtype,
                    "shape": list(spec.shape),
                    "strides": None if spec.strides is None else list(spec.strides),
                    "offset": spec.offset,
                }
                for spec in self._problem.inputs
            ],
        }

    def _try_all(
        self, source: KernelSource, files: Files, request: Mapping[str, Any], names: list[str], deadline: float
    ) -> tuple[Attempt, tuple[str, ...], list[str]]:
        """The first way that works is kept for the files to come."""
        assert self._ncu is not None
        reasons: list[str] = []
        dropped: list[str] = []
        ways, crashed = list(self._ways), False
        while ways and (left := deadline - time.monotonic()) > 0:
            way = ways[0]
            self._say(f"profiling {source.path} ({way.name})")
            asked = [name for name in names if name not in dropped]
            made = attempt(self._ncu, way, files, request, asked, limit_s=left)
            unknown = _unknown_metric(made, asked)
            if unknown:
                dropped.append(unknown)
                continue
            try:
                _check(made, source, limit_s=left, last=time.monotonic() >= deadline)
            except _NoWayError as error:
                if error.crashed and self._settled:
                    raise ProfilerError(f"{source.path}: the profiled call {error}") from None
                reasons.append(f"{way.name}: {error}")
                crashed = crashed or error.crashed
                ways.pop(0)
                continue
            except ProfilerError as error:
                if str(error) == ncu.NO_PERMISSION:
                    self.unavailable = ncu.NO_PERMISSION
                raise
            self._ways, self._settled = ways, True
            return made, _how(self._ncu, way, made, reasons), dropped
        said = "; ".join(reasons) or "the time was up before it could start"
        if not ways and not crashed:
            self.unavailable = f"Nsight Compute does not work here: {said}"
        raise ProfilerError(f"{source.path}: could not be profiled: {said}")

    def _read(self, source: KernelSource, made: Attempt, names: Sequence[str], notes: tuple[str, ...]) -> Profile:
        assert self._ncu is not None
        assert made.report is not None
        origin = f"Nsight Compute {self._ncu.version}"
        try:
            code, out, err = ncu.run(ncu.import_command(self._ncu, made.report), limit_s=_IMPORT_LIMIT_S)
            if code != 0:
                said = ncu.complaint(out + err) or f"exit code {code}"
                raise ProfilerError(f"{source.path}: the profiler's report cannot be read back: {said}")
            rows, said_of_rows = parse_csv(origin, out)
            rows = [replace(row, metrics={n: row.metrics[n] for n in names if n in row.metrics}) for row in rows]
            found = profile_of_launches(rows, source.kernels, notes=said_of_rows, origin=origin)
        except (OSError, subprocess.SubprocessError) as error:
            raise ProfilerError(f"{source.path}: the profiler's report cannot be read back: {error}") from error
        except MetricsError as error:
            raise ProfilerError(f"{source.path}: the profiler's report: {error.what}; {error.remedy}") from error
        if self._keep is not None:
            digest = hashlib.sha256(source.text.encode()).hexdigest()[:16]
            shutil.copyfile(made.report, self._keep / f"{digest}.ncu-rep")
        absent = [name for name in names if not any(name in values for values in found.metrics.values())]
        gone = tuple(f"{name} was asked for and is not in the report" for name in absent)
        return replace(found, notes=(*found.notes, *notes, *gone))


def _check(made: Attempt, source: KernelSource, *, limit_s: float, last: bool) -> None:
    """See whether an attempt came to its end.

    Raises:
        ProfilerError: it did not, for a reason that no other way of running changes.
        _NoWayError: it did not, and another way may.
    """
    said = ncu.complaint(made.output)
    if said == ncu.NO_PERMISSION:
        raise ProfilerError(said)
    ready, raised = made.reached("ready"), made.reached("raised")
    if ready is not None and raised is not None:
        line = raised.get("line")
        place = source.path if not isinstance(line, int) else f"{source.path}:{line}"
        raise ProfilerError(f"{place}: the profiled call raises {str(raised.get('why'))[:300]}; run it by itself first")
    if made.timed_out and (ready is not None or last):
        step = "while it warmed up" if made.reached("warm") is None else "while its counters were read"
        raise ProfilerError(f"{source.path}: profiling took more than {limit_s:.0f} s, and was ended {step}")
    if made.timed_out:
        raise _NoWayError("the profiler and the process did not find each other")
    if raised is not None:
        raise _NoWayError(f"the GPU does not start: {str(raised.get('why'))[:200]}")
    refused = made.reached("not confined")
    if refused is not None:
        raise _NoWayError(str(refused.get("why"))[:200])
    if made.reached("done") is None:
        end = "ended early" if made.exit_code is None else f"ended early with exit code {made.exit_code}"
        raise _NoWayError(said or f"{end}{_last_line(made.output)}", crashed=ready is not None and not said)
    if made.report is None:
        raise _NoWayError(said or "the profiler saw no kernel")


def _how(found: ncu.Ncu, way: Confinement, made: Attempt, reasons: Sequence[str]) -> tuple[str, ...]:
    """What has to be said of a run: by what, how confined, and what its autotuners did."""
    held = made.reached("confined") or {}
    by = ", ".join(str(one) for one in held.get("by", ())[:8]) if isinstance(held.get("by"), list) else ""
    notes = [
        f"Nsight Compute {found.version}: one call after {WARM_CALLS} to warm up, clocks as they were, caches flushed"
        " before each pass",
        f"the profiled process ran {way.name}{f' ({by})' if by else ''}",
        *(f"not {reason}" for reason in reasons),
    ]
    done = made.reached("done") or {}
    if done.get("tuned_again"):
        notes.append("an autotuner timed configurations in the profiled call, which are among its launches")
    chosen = done.get("configurations")
    if isinstance(chosen, dict):
        notes += [f"{str(kernel)[:60]}: profiled with {str(config)[:200]}" for kernel, config in chosen.items()]
    return tuple(notes)


def _unknown_metric(made: Attempt, asked: Sequence[str]) -> str:
    """The name that the profiler stopped at, among those asked for; the time is always known."""
    if "Failed to find metric" not in made.output:
        return ""
    said = made.output[made.output.index("Failed to find metric") :]
    return next((name for name in asked if name != TIME and name in said), "")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("==PROF==")]
    return f": {lines[-1][:200]}" if lines else ""


@contextlib.contextmanager
def _one_at_a_time(deadline: float) -> Iterator[None]:
    """Hold the GPU's lock: two profilers on one GPU spoil each other's counters, or fail."""
    gpu = "".join(c for c in os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] if c.isalnum()) or "0"
    path = Path(tempfile.gettempdir()) / f"tilewright-ncu-{os.getuid()}-{gpu}.lock"
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise ProfilerError(f"another profiler holds the GPU ({path}); try again when it is done") from None
                time.sleep(_LOCK_TICK_S)
        yield
    finally:
        os.close(opened)
