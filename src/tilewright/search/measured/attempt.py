"""Write and build many candidates of one kernel at once, and drop those that cannot be worth a GPU's time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tilewright.cost import estimate
from tilewright.families import Plan
from tilewright.lint import check
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.finding import Finding, Severity
from tilewright.records.launch import Capture
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Candidate, Refusal, Trial
from tilewright.search.analyse import OVERWRITES, Analysed, build_launches
from tilewright.search.changes import changes_of, describe
from tilewright.search.measured.compose import Composer
from tilewright.search.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A written and built candidate."""

    kernel: str
    schedule: Schedule
    text: str
    sha256: str
    capture: Capture
    build: Build
    estimate: Estimate
    findings: tuple[Finding, ...]

    def trial(self, analysed: Analysed, session: Session, *, stage: str) -> Trial:
        """What is known of it before it runs."""
        candidate = Candidate(
            text=self.text,
            kernel=self.kernel,
            schedules=(self.schedule,),
            changes=changes_of(analysed, (self.schedule,), session.target),
        )
        return Trial(
            candidate=candidate,
            builds=(self.build,),
            estimate=self.estimate,
            entry_estimates=(self.estimate,),
            findings=self.findings,
            verdict=None,
            stage=stage,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    schedule: Schedule
    text: str
    capture: Capture


def hash_of(text: str) -> str:
    """SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_all(
    composer: Composer, plans: Mapping[str, Plan], kernel: str, schedules: Sequence[Schedule], session: Session
) -> tuple[list[Attempt], list[Refusal]]:
    """Write the file for each schedule of ``kernel``, the other kernels by ``plans``, and build them side by side.

    A candidate that does not compile, that spills more than the input does, or that breaks a rule is refused.
    """
    written: list[_Written] = []
    refusals: list[Refusal] = []
    # the wrapper of a written file runs in the one worker for captures while the next file is written
    with ThreadPoolExecutor(1, thread_name_prefix="tilewright-capture") as thread:
        coming = [
            (schedule, thread.submit(_run, composer, text, kernel) if isinstance(text, str) else text)
            for schedule in schedules
            for text in (composer.text({**plans, kernel: (schedule,)}),)
        ]
    for schedule, one in coming:
        text, found = (one.what, one) if isinstance(one, Refusal) else one.result()
        if isinstance(found, Refusal):
            refusals.append(replace(found, what=f"{kernel}: {describe(schedule)}"))
        else:
            written.append(_Written(schedule=schedule, text=text, capture=found))
    launches = [composer.launches(one.capture, kernel)[0] for one in written]
    builds = build_launches(launches, session)
    attempts: list[Attempt] = []
    for each, build in zip(written, builds, strict=True):
        tried = _sift(composer, kernel, each, build, session)
        if isinstance(tried, Refusal):
            refusals.append(tried)
        else:
            attempts.append(tried)
    return attempts, refusals


def _run(composer: Composer, text: str, kernel: str) -> tuple[str, Capture | Refusal]:
    """A written file, and what it launches."""
    found = composer.capture(text)
    if not isinstance(found, Refusal) and not composer.launches(found, kernel):
        return text, Refusal(what="capture", reason="the written file launches the kernel no more")
    return text, found


def _sift(
    composer: Composer, kernel: str, written: _Written, build: Build | BuildFailure, session: Session
) -> Attempt | Refusal:
    analysed = composer.kernels[kernel]
    what = f"{kernel}: {describe(written.schedule)}"
    if isinstance(build, BuildFailure):
        return Refusal(what=what, reason=build.message)
    own = analysed.analysis.build
    allowed = own.spill_bytes if isinstance(own, Build) else 0
    if build.spill_bytes > allowed:
        return Refusal(what=what, reason=f"spills {build.spill_bytes} bytes a thread")
    if build.overwrites_operands:
        return Refusal(what=what, reason=OVERWRITES)
    findings = check(composer.read(written.text), written.capture.launches)
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    if wrong:
        return Refusal(what=what, reason=f"the written file breaks {wrong[0].code}: {wrong[0].message}")
    work = analysed.family.work(analysed.lifted, written.schedule, analysed.lifted.launch)
    return Attempt(
        kernel=kernel,
        schedule=written.schedule,
        text=written.text,
        sha256=hash_of(written.text),
        capture=written.capture,
        build=build,
        estimate=estimate(work, session.target, build),
        findings=findings,
    )
