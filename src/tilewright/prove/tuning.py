"""``triton.autotune`` without a GPU: worker side.

On a GPU the tuner runs every configuration, keeps the fastest, and goes on with it. Which one that will be is not
known here, so each is run in its turn, and one call runs as a first call does: all of them, then the chosen one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from triton.runtime.autotuner import Autotuner

from tilewright.prove.structure import launches


class Tuning:
    """Which configuration each tuned kernel runs with."""

    def __init__(self) -> None:
        self.index = 0
        """Configuration to run, counted from 0; kernels with fewer of them run their last."""
        self.first_call = False
        """Whether to run all configurations first, as the tuner does when it meets a new shape."""
        self.counts: dict[str, int] = {}
        """Kernel to number of its configurations, of the kernels seen since :meth:`reset`."""

    def reset(self, index: int, first_call: bool) -> None:
        """Begin a call of the model."""
        self.index, self.first_call, self.counts = index, first_call, {}

    def run(self, tuner: Any, *args: Any, **kwargs: Any) -> Any:
        """Replaces Autotuner.run."""
        tuner.nargs = dict(zip(tuner.arg_names, args, strict=False))
        configs = list(tuner.configs)
        if len(configs) > 1:
            # what the file's own pruning removes for these arguments never runs on a GPU either
            configs = list(tuner.prune_configs(kwargs)) or configs
        self.counts[tuner.base_fn.__name__] = len(configs)
        config = configs[min(self.index, len(configs) - 1)]
        if self.first_call and len(configs) > 1:
            for each in configs:
                self._measure(tuner, each, args, kwargs)
            tuner.pre_hook({**tuner.nargs, **kwargs, **config.all_kwargs()}, reset_only=True)
        try:
            return self._launch(tuner, config, args, kwargs)
        finally:
            tuner.nargs = None

    def _measure(self, tuner: Any, config: Any, args: Any, kwargs: Any) -> None:
        named = {**tuner.nargs, **kwargs, **config.all_kwargs()}
        tuner.pre_hook(named)
        with launches.trial():
            self._launch(tuner, config, args, kwargs)
        tuner.post_hook(named, exception=None)

    @staticmethod
    def _launch(tuner: Any, config: Any, args: Any, kwargs: Any) -> Any:
        conflicts = sorted((kwargs.keys() - {"grid", "warmup"}) & config.kwargs.keys())
        if conflicts:
            raise ValueError(f"both tuned and passed at the launch: {', '.join(conflicts)}")
        if config.pre_hook is not None:
            config.pre_hook({**tuner.nargs, **kwargs, **config.all_kwargs()})
        tuner.best_config = config
        return tuner.fn.run(*args, **kwargs, **config.all_kwargs())


@contextlib.contextmanager
def see_through_autotune() -> Iterator[Tuning]:
    """Run tuned kernels with the configuration that the yielded Tuning names."""
    tuning = Tuning()
    original = Autotuner.run
    Autotuner.run = lambda tuner, *args, **kwargs: tuning.run(tuner, *args, **kwargs)
    try:
        yield tuning
    finally:
        Autotuner.run = original
