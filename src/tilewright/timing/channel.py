"""A worker with a stand in it: started, filled, and started again after a failure. Parent side.

What comes back is the worker's claim: it is looked at here before anything is made of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from tilewright.errors import InputError
from tilewright.prove.session import ENVIRONMENT, derived
from tilewright.timing.call import Call, call_arguments
from tilewright.workers import Outcome, Worker

_START_LIMIT_S, _FORGET_LIMIT_S = 120.0, 20.0
_MOST_LOADED = 4
"""Files whose models stay in the worker; the one that was asked for longest ago goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where files are timed."""

    jobs: str
    """Module of the jobs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int


PLACES = {
    "cuda": Place(jobs="tilewright.timing.cuda_job", memory_bytes=24 << 30),
    "none": Place(jobs="tilewright.timing.host_job", environment=ENVIRONMENT, memory_bytes=6 << 30),
}


def timing_worker(device: str) -> Worker:
    """A worker to time files in, and for nothing else: a proof replaces what autotuning does."""
    place = PLACES[device]
    return Worker(environment=place.environment, preload=(place.jobs,), memory_bytes=place.memory_bytes)


_users: weakref.WeakKeyDictionary[Worker, Channel] = weakref.WeakKeyDictionary()
"""Whose call each worker is prepared for."""


class Failed(Exception):  # noqa: N818 (an end that the caller makes data or an error of)
    """A job did not come to its end."""

    def __init__(self, name: str, kind: str, what: str, line: int | None) -> None:
        super().__init__(name, kind, what, line)
        self.name, self.kind, self.what, self.line = name, kind, what, line


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A file that is ready to be timed."""

    name: str
    configurations: tuple[str, ...]
    waits: bool
    """Whether its call waits for the device."""
    call_us: float
    host_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What calls run on, as the worker tells it."""

    name: str
    uuid: str | None
    versions: Mapping[str, str]
    sets: int
    """Sets of inputs."""
    notes: tuple[str, ...]


class Channel:
    """One call, one worker, and the files that are loaded in it."""

    def __init__(self, call: Call, *, device: str, seed: int, worker: Worker | None) -> None:
        self._call, self._device, self._seed = call, device, derived(seed, "timing")
        self._owned = worker is None
        self._worker = timing_worker(device) if worker is None else worker
        self._jobs = PLACES[device].jobs
        self._machine: Machine | None = None
        self._pid: int | None = None
        self._loaded: dict[str, Loaded] = {}

    def close(self) -> None:
        """End the worker, unless another owns it."""
        if self._owned:
            self._worker.close()

    def restart(self) -> None:
        """Go on in a new process."""
        self._worker.restart()
        self._machine = None

    def machine(self) -> Machine:
        """Start what does not run.

        Raises:
            InputError: the device does not start, or the inputs cannot be made on it.
        """
        same = _users.get(self._worker) is self and self._pid is not None and self._worker.pid == self._pid
        if self._machine is not None and same:
            return self._machine
        self._loaded.clear()
        told = self._start("describe", {}, f"--device {self._device}: the device does not start")
        path = None
        if self._call.reference is not None:
            path = self._write("timing_reference", self._call.reference)
        arguments = {**call_arguments(self._call), "reference": path, "seed": self._seed}
        begun = self._start("begin", arguments, "the inputs cannot be made")
        try:
            uuid = told["uuid"]
            self._machine = Machine(
                name=str(told["name"]),
                uuid=None if uuid is None else str(uuid),
                versions={str(name): str(version) for name, version in told["versions"].items()},
                sets=max(1, int(begun["sets"])),
                notes=tuple(str(note) for note in begun["notes"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError("the worker's answer about the device is not usable") from error
        self._pid, _users[self._worker] = self._worker.pid, self
        return self._machine

    def load(self, text: str, *, copy: int = 0, timeout_s: float) -> Loaded:
        """Load a file and let its autotuning finish; at once if it is loaded.

        Args:
            text: of the file.
            copy: another number is another import of the same text, with the choices of the first.
            timeout_s: for import, compiling and tuning.

        Raises:
            Failed: it did not come to its end.
        """
        self.machine()
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        name = f"{digest}_{copy}"
        found = self._loaded.pop(name, None)
        if found is None:
            like = self.load(text, timeout_s=timeout_s).name if copy else None
            self._make_room()
            path = self._write(f"timed_{name}", text)
            told = self.ask("load", {"name": name, "path": path, "like": like}, timeout_s=timeout_s, name=name)
            found = _loaded(name, told)
        self._loaded[name] = found
        return found

    def warm(self, texts: Sequence[str], *, timeout_s: float) -> None:
        """Have files compiled side by side, before they are loaded one by one; a file that tunes itself is left alone:
        what it measures beside others would be wrong. What goes wrong here is told when the file is loaded.

        Args:
            texts: of the files.
            timeout_s: the most seconds that it may take.
        """
        self.machine()
        paths = {}
        for text in texts:
            name = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}_0"
            if name not in self._loaded and "autotune" not in text:
                paths[name] = self._write(f"timed_{name}", text)
        if len(paths) > 1:
            with contextlib.suppress(Failed):
                self.ask("warm", {"paths": paths}, timeout_s=timeout_s)

    def forget(self, name: str) -> None:
        """Drop a file with its model."""
        here = self._worker.pid == self._pid and _users.get(self._worker) is self
        if self._loaded.pop(name, None) is not None and here:
            self._worker.call(f"{self._jobs}:forget", {"name": name}, timeout_s=_FORGET_LIMIT_S)

    def ask(self, job: str, arguments: Mapping[str, object], *, timeout_s: float, name: str = "") -> dict[str, Any]:
        """Run one job of the stand.

        Args:
            job: a method of :class:`~tilewright.timing.stand.Stand`.
            arguments: its arguments.
            timeout_s: the most seconds that it may take.
            name: of the file that is to blame where the worker cannot tell.

        Raises:
            Failed: it did not come to its end; after a crash the next call finds a new process.
        """
        outcome = self._worker.call(f"{self._jobs}:{job}", arguments, timeout_s=timeout_s)
        if outcome.kind == "returned" and isinstance(outcome.value, dict):
            failed = outcome.value.get("failed")
            if failed is None:
                return outcome.value
            raise self._failure(failed, name)
        if outcome.kind not in ("returned", "raised"):
            self._machine = None
        raise Failed(name, "crashed" if outcome.kind == "returned" else outcome.kind, _words(outcome), None)

    def _failure(self, failed: Mapping[str, Any], name: str) -> Failed:
        try:
            line = None if failed["line"] is None else int(failed["line"])
            if failed["lost"]:
                self.restart()
            kind = "out_of_memory" if failed["kind"] == "out_of_memory" else "raised"
            return Failed(str(failed["name"]) or name, kind, " ".join(str(failed["what"]).split()), line)
        except (KeyError, TypeError, ValueError):
            return Failed(name, "crashed", "the worker's answer is not usable", None)

    def _start(self, job: str, arguments: Mapping[str, object], otherwise: str) -> dict[str, Any]:
        try:
            return self.ask(job, arguments, timeout_s=_START_LIMIT_S)
        except Failed as failed:
            where = f" at line {failed.line} of the reference" if failed.line is not None else ""
            raise InputError(f"{otherwise}{where}: {failed.what}") from failed

    def _make_room(self) -> None:
        while len(self._loaded) >= _MOST_LOADED:
            self.forget(next(iter(self._loaded)))

    def _write(self, stem: str, text: str) -> str:
        path = self._worker.folder / f"{stem}.py"
        path.write_text(text, encoding="utf-8")
        return str(path)


def figures(values: object, count: int | None = None) -> list[float]:
    """Times that a worker claims: finite and above 0, and as many as were asked for.

    Raises:
        Failed: they are not.
    """
    if not isinstance(values, Sequence) or (count is not None and len(values) != count):
        raise Failed("", "crashed", "the worker's answer is not usable", None)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
            raise Failed("", "crashed", f"the worker tells of a time of {value!r} us", None)
    return [float(value) for value in values]


def _loaded(name: str, told: Mapping[str, Any]) -> Loaded:
    call_us, host_us = figures([told.get("call_us"), told.get("host_us")])
    said = told.get("configurations")
    return Loaded(
        name=name,
        configurations=tuple(str(each) for each in said) if isinstance(said, list) else (),
        waits=told.get("waits") is True,
        call_us=call_us,
        host_us=host_us,
    )


def _words(outcome: Outcome) -> str:
    words = f"{outcome.error_type}: {outcome.message}" if outcome.kind == "raised" else outcome.message
    return " ".join(words.split())[:400] or "the worker's answer is not usable"
