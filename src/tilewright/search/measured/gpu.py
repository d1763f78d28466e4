"""The GPU in this machine as a workbench: the verifier, the timer and the profiler of one run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from tilewright.errors import TimingError
from tilewright.profiling import Profiler, ProfilerError, metrics_of
from tilewright.prove.reference import read_reference_file, verified_file
from tilewright.prove.verifier import Verifier
from tilewright.records.launch import Capture
from tilewright.records.problem import Problem
from tilewright.records.profile import Profile
from tilewright.records.source import KernelSource, Request
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.timing import Comparison, Screening
from tilewright.records.verification import Claim, Verification
from tilewright.search.measured.attempt import hash_of
from tilewright.search.measured.workbench import Untimed
from tilewright.search.operations import operations_of
from tilewright.timing import Call, Timer

PROOF_LIMIT_S = 60.0
_PROFILE_LIMIT_S = 120.0


class GpuWorkbench:
    """Opens its processes with the ``with`` block; the GPU does one thing at a time."""

    def __init__(
        self,
        request: Request,
        *,
        target: Target,
        version: str,
        precision: str,
        seed: int,
        sandbox: str,
        allow_unsandboxed: bool,
        say: Callable[[str], None],
    ) -> None:
        """Make the workbench.

        Args:
            request: the run's input and reference.
            target: the GPU in this machine, as the catalog knows it.
            version: of Tilewright itself.
            precision: what a candidate's error may be.
            seed: of inputs and parameters.
            sandbox: what confines the workers, in words.
            allow_unsandboxed: profile also where nothing confines the profiled process.
            say: told what is being done.
        """
        self._request, self._target, self._precision, self._seed, self._say = request, target, precision, seed, say
        self._unsandboxed, self._version = allow_unsandboxed, version
        self._reference = None if request.reference_path is None else read_reference_file(request.reference_path)
        self._verifier = Verifier(
            target=target,
            version=version,
            gpu=target.name,
            device="cuda",
            sandbox=sandbox,
            # no process may start ahead of its use: it would take the GPU from what is being timed
            many=False,
            operations_of=operations_of,
            say=say,
        )
        self._stack = contextlib.ExitStack()
        self._coming: Future[None] | None = None
        self._notes: list[str] = []

    def __enter__(self) -> GpuWorkbench:
        self._stack.enter_context(self._verifier)
        return self

    def __exit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming.cancel()
        self._stack.close()

    @property
    def device(self) -> str:
        """See :class:`Workbench`."""
        return self._verifier.device_name or self._target.title

    @property
    def notes(self) -> Sequence[str]:
        """See :class:`Workbench`."""
        return tuple(dict.fromkeys(self._notes))

    def prepare(self, capture: Capture, uncompilable_dtypes: Sequence[str]) -> None:
        """See :class:`Workbench`."""
        self._capture, self._uncompilable = capture, tuple(uncompilable_dtypes)
        self._problem = Problem(inputs=capture.inputs, init_arguments=capture.init_arguments)
        self._text = None if self._reference is None else self._reference.text
        self._timer = self._stack.enter_context(self._new_timer())
        self._profiler = Profiler(
            self._problem,
            self._request.reference_path,
            target=self._target,
            seed=self._seed,
            say=self._say,
            allow_unsandboxed=self._unsandboxed,
        )
        thread = ThreadPoolExecutor(1, thread_name_prefix="tilewright-baseline")
        claim = self._claim(self._request.source.text, dtypes=())
        self._coming = thread.submit(self._verifier.prepare, claim, seed=self._seed, timeout_s=PROOF_LIMIT_S)
        thread.shutdown(wait=False)

    def screen(self, baseline: str, candidates: Sequence[str], *, limit_s: float) -> Sequence[Screening]:
        """See :class:`Workbench`."""
        self._settle()
        try:
            return self._timer.screen(baseline, candidates, limit_s=limit_s)
        except TimingError as error:
            return [Screening(sha256=hash_of(text), time_us=None, ratio=None, error=str(error)) for text in candidates]

    def prove(self, candidate: str, *, dtypes: Sequence[str] = ()) -> Verification:
        """See :class:`Workbench`."""
        self._settle()
        return self._verifier.verify(self._claim(candidate, dtypes=dtypes), seed=self._seed, timeout_s=PROOF_LIMIT_S)

    def compare(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """See :class:`Workbench`."""
        self._settle()
        return self._timed(self._timer, baseline, candidate, limit_s)

    def confirm(self, baseline: str, candidate: str, *, limit_s: float) -> Comparison | Untimed:
        """See :class:`Workbench`."""
        self._settle()
        with self._new_timer() as timer:
            return self._timed(timer, baseline, candidate, limit_s)

    def profile(self, source: KernelSource, stages: Sequence[Stage]) -> Profile | None:
        """See :class:`Workbench`."""
        self._settle()
        if not self._profiler.unavailable:
            try:
                names = [name for one in (None, *stages) for name in metrics_of(one, self._target)]
                metrics = tuple(dict.fromkeys(names))
                return self._profiler.profile(source, metrics=metrics, limit_s=_PROFILE_LIMIT_S)
            except ProfilerError as error:
                self._notes.append(f"no counters were read: {error}")
        if self._profiler.unavailable:
            self._notes.append(f"no counters were read: {self._profiler.unavailable}")
        return self._times(source)

    def _times(self, source: KernelSource) -> Profile | None:
        """Where counters cannot be read: how long each kernel takes, by which several are weighted."""
        if len(source.kernels) < 2:
            return None
        try:
            return self._profiler.times(source, limit_s=_PROFILE_LIMIT_S)
        except ProfilerError as error:
            self._notes.append(str(error))
            return None

    def _settle(self) -> None:
        """Wait until input and reference have run: nothing else may run while something is timed."""
        if self._coming is not None:
            coming, self._coming = self._coming, None
            coming.result()

    def _claim(self, candidate: str, *, dtypes: Sequence[str]) -> Claim:
        given = self._request.source
        return Claim(
            candidate=verified_file(f"optimized {given.path}", candidate),
            original=verified_file(given.path, given.text, given.first_line),
            reference=self._reference,
            precision=self._precision,
            inputs=self._capture.inputs,
            init_arguments=self._capture.init_arguments,
            dtypes=tuple(dtypes),
            uncompilable_dtypes=self._uncompilable if dtypes else (),
        )

    def _timed(self, timer: Timer, baseline: str, candidate: str, limit_s: float) -> Comparison | Untimed:
        try:
            found = timer.compare(baseline, candidate, limit_s=limit_s)
        except TimingError as error:
            return Untimed(reason=str(error))
        return replace(found, versions={"tilewright": self._version, **found.versions})

    def _new_timer(self) -> Timer:
        return Timer(Call(problem=self._problem, reference=self._text), seed=self._seed, say=self._say)
