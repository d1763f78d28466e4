"""Loads files and times their calls: worker side.

Nothing here decides anything: raw times go to the parent. What times is taken before a file is imported; a file that
goes to great lengths can still reach into its own process, so a time is worth no more than the proof that the file
computes what it should.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch

from tilewright.capture import model
from tilewright.prove.instance import fill_unset
from tilewright.timing import tuners
from tilewright.timing.clock import Clock, Launch, Probed
from tilewright.timing.sets import Sets

_LEAST_CALLS, _MOST_CALLS = 3, 12
_BUSY_US, _BUSY_SHARE = 100.0, 0.5
"""A device that stays busy for longer after the call, in us and as a part of its time, works where no event sees it."""
_MODULE = "tilewright_timed_"
Answer = dict[str, Any]


class Unfit(Exception):  # noqa: N818 (it says what was found, and is handed on as data)
    """A file cannot be timed, for a reason that it did not raise itself."""


@dataclass
class _File:
    """One import of a file."""

    path: str
    model: Any
    tuners: list[Any] = field(default_factory=list)
    waits: bool = False


class Stand:
    """The files that are timed against each other in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[str, _File] = {}
        self._sets: Sets | None = None
        self._init: list[Any] = []
        self._seed = 0
        self._state: dict[str, torch.Tensor] | None = None

    def describe(self) -> Answer:
        """What calls run on."""
        return self._clock.describe()

    def begin(self, *, inputs: list[Answer], init: list[Any], reference: str | None, seed: int) -> Answer:
        """Make the inputs, and forget all files.

        Args:
            inputs: forward's arguments; see :func:`tilewright.timing.call.call_arguments`.
            init: what ModelNew is made with.
            reference: path of a reference file that gives the values.
            seed: of values and parameters.
        """

        def work() -> Answer:
            self._files.clear()
            self._state, self._init, self._seed = None, init, seed
            self._sets = Sets(
                inputs,
                reference,
                seed=seed,
                device=self._clock.device,
                free_bytes=self._clock.free_bytes(),
                reseed=self._clock.seed,
            )
            self._clock.finish()
            return {"sets": len(self._sets), "notes": self._sets.notes}

        return self._told(work, {} if reference is None else {"reference": reference})

    def warm(self, *, paths: dict[str, str]) -> Answer:
        """Call each file once, as many side by side as the device allows, for what compiling leaves on the disk.

        What fails here fails again when it is loaded, and is told then.

        Args:
            paths: name to file.
        """
        done: list[str] = []

        def first(name: str, made: Any) -> None:
            with contextlib.suppress(Exception), torch.no_grad():
                made(*self._inputs()[0])
                done.append(name)

        def work() -> Answer:
            names, most = list(paths), self._clock.threads
            for start in range(0, len(names), most):
                models = {}
                for name in names[start : start + most]:
                    with contextlib.suppress(Exception):
                        models[name] = self._make(f"warm_{name}", paths[name])
                with ThreadPoolExecutor(most) as pool:
                    for name, made in models.items():
                        pool.submit(first, name, made)
            self._clock.finish()
            self._clock.tidy()
            return {"called": sorted(done)}

        return self._told(work, {})

    def load(self, *, name: str, path: str, like: str | None) -> Answer:
        """Import a file, make its model, and call it until its tuners have finished.

        Args:
            name: what it is called from now on.
            path: of the file.
            like: name of another import of the same text, whose tuners' choices it takes over.
        """

        def work() -> Answer:
            file = self._files[name] = _File(path=path, model=self._make(name, path))
            file.tuners = tuners.of(path)
            if like is not None:
                tuners.copy_choices(file.tuners, self._files[like].tuners)
            self._settle(file)
            probed = self._clock.probe(self._launch(name, 0))
            _check(probed)
            file.waits = probed.waits
            told = {"configurations": tuners.choices(file.tuners), "waits": probed.waits}
            return told | {"call_us": probed.call_us, "host_us": probed.host_us}

        answer = self._told(work, {name: path})
        if "failed" in answer:
            self._files.pop(name, None)
        return answer

    def measure(self, *, names: list[str], blocks: list[Answer], cold: bool, limit_s: float) -> Answer:
        """Time blocks of calls.

        Args:
            names: of files.
            blocks: each with ``order`` (positions in ``names``, one a call), ``set`` and ``salt`` of the inputs.
            cold: whether caches are flushed before each call; otherwise it has just run.
            limit_s: after so many seconds no block begins but the first.
        """

        def work() -> Answer:
            began = time.monotonic()
            done: list[Answer] = []
            for block in blocks:
                if done and time.monotonic() - began > limit_s:
                    break
                self._inputs().refresh(block["set"], block["salt"])
                done.append(self._block([names[index] for index in block["order"]], block["set"], cold))
            return {"blocks": done}

        return self._told(work, self._paths(names))

    def issue(self, *, names: list[str], orders: list[list[int]], count: int) -> Answer:
        """Wall clock that the host takes to issue calls, ``count`` of one file at a time."""

        def work() -> Answer:
            found: list[list[float]] = [[] for _ in names]
            for order in orders:
                for index in order:
                    found[index] += self._clock.issue(self._launch(names[index], 0), count)
            return {"us": found}

        return self._told(work, self._paths(names))

    def replay(self, *, names: list[str], orders: list[list[int]]) -> Answer:
        """Time calls as graphs, without the host; ``reasons`` of files that cannot be captured."""

        def work() -> Answer:
            graphs: list[Launch | None] = []
            reasons = ["" for _ in names]
            for index, name in enumerate(names):
                if self._files[name].waits:
                    graphs.append(None)
                    reasons[index] = "its call waits for the device"
                    continue
                try:
                    graphs.append(self._clock.captured(self._launch(name, 0)))
                except Exception as error:
                    if self._clock.lost(error):
                        raise
                    graphs.append(None)
                    reasons[index] = model.in_words(error)
            found: list[list[float]] = [[] for _ in names]
            for order in orders:
                order = [index for index in order if graphs[index] is not None]
                samples = self._clock.block([graph for index in order if (graph := graphs[index])], cold=False)
                for index, sample in zip(order, samples, strict=True):
                    found[index] += [sample.us] if sample.ahead else []
            return {"us": found, "reasons": reasons, "spoiled": self._clock.spoiled}

        return self._told(work, self._paths(names))

    def forget(self, *, name: str) -> Answer:
        """Drop a file with its model."""

        def work() -> Answer:
            self._files.pop(name, None)
            sys.modules.pop(_MODULE + name, None)
            self._clock.tidy()
            return {}

        return self._told(work, {})

    def _inputs(self) -> Sets:
        assert self._sets is not None, "begin() comes first"
        return self._sets

    def _launch(self, name: str, number: int) -> Launch:
        called, given = self._files[name].model, self._inputs()[number]
        return lambda: called(*given)

    def _block(self, names: list[str], number: int, cold: bool) -> Answer:
        before = tuners.measured()
        samples = self._clock.block([self._launch(name, number) for name in names], cold=cold)
        ahead = all(sample.ahead or self._files[name].waits for name, sample in zip(names, samples, strict=True))
        if not ahead:
            self._clock.more_time()
        return {"us": [each.us for each in samples], "ahead": ahead, "tuned": tuners.measured() != before}

    def _make(self, name: str, path: str) -> Any:
        """A model with the parameters that every other file has where their names and shapes agree."""
        self._clock.seed(self._seed)
        module = model.load(path, _MODULE + name)
        factory = getattr(module, "ModelNew", None)
        if factory is None:
            raise Unfit("the file has no class ModelNew")
        self._clock.seed(self._seed)
        made = factory(*(tuple(value) if isinstance(value, list) else value for value in self._init))
        if isinstance(made, torch.nn.Module):
            made.to(self._clock.device)
            fill_unset(made, self._seed)
            self._share_state(made)
        return made

    def _share_state(self, made: torch.nn.Module) -> None:
        own = made.state_dict(keep_vars=True)
        if self._state is None:
            self._state = {name: value.detach().to("cpu", copy=True) for name, value in own.items()}
        for name, value in own.items():
            given = self._state.get(name)
            if given is not None and given.shape == value.shape:
                value.data.copy_(given)

    def _settle(self, file: _File) -> None:
        """Call the model, with every set, until no tuner measures anything any more."""
        sets = self._inputs()
        for calls in range(_MOST_CALLS):
            before = tuners.measured()
            file.model(*sets[calls % len(sets)])
            self._clock.finish()
            if calls + 1 >= max(_LEAST_CALLS, len(sets)) and tuners.measured() == before:
                # kernels can be made in the first call
                file.tuners = tuners.of(file.path)
                return
        raise Unfit(f"autotuning goes on after {_MOST_CALLS} calls of one shape")

    def _paths(self, names: list[str]) -> dict[str, str]:
        return {name: self._files[name].path for name in names}

    def _told(self, work: Callable[[], Answer], paths: dict[str, str]) -> Answer:
        """What ``work`` answers; or, as data, what was raised, by which file where that can be told, and where."""
        try:
            return work()
        except Exception as error:
            root: BaseException = error
            while root.__cause__ is not None:
                root = root.__cause__
            short = isinstance(root, MemoryError | torch.OutOfMemoryError)
            what = str(error) if isinstance(error, Unfit) else model.in_words(root)
            lines = {name: _line(path, error) for name, path in paths.items()}
            blamed = next((name for name, line in lines.items() if line is not None), "")
            failed: Answer = {"kind": "out_of_memory" if short else "raised", "what": what[:400], "name": blamed}
            failed |= {"line": lines.get(blamed), "lost": self._clock.lost(error)}
            return {"failed": failed}


def _check(probed: Probed) -> None:
    if probed.after_us > _BUSY_US + _BUSY_SHARE * probed.call_us:
        raise Unfit(f"the device stays busy for {probed.after_us:.0f} us after the call's own stream is done")


def _line(path: str, error: BaseException | None) -> int | None:
    line = None
    while error is not None:
        found = model.line_in(path, error)
        line = line if found is None else found
        error = error.__cause__
    return line
