"""The proof of a run's winner as a verification, for its certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tilewright.prove import small_problems
from tilewright.prove.reference import read_reference_file, verified_file
from tilewright.prove.verification import evidence, versions
from tilewright.records.trial import Run
from tilewright.records.verification import Claim, Verification
from tilewright.search.accept import PROOF_LIMIT_S


def verification_of(run: Run, *, sandbox: str, version: str) -> Verification | None:
    """What was proved of the run's answer against its input; ``None`` where the answer is the input.

    Args:
        run: a finished run.
        sandbox: what confined the workers, in words.
        version: of Tilewright itself.

    Raises:
        ReferenceFileError: the reference can no longer be read.
    """
    winner = run.winner
    if winner is None or winner.verdict is None:
        return None
    given, captured = run.request.source, run.capture
    reference = run.request.reference_path
    claim = Claim(
        candidate=verified_file(f"optimized {given.path}", winner.candidate.text),
        original=verified_file(given.path, given.text, given.first_line),
        reference=None if reference is None else read_reference_file(reference),
        precision=run.precision,
        inputs=captured.inputs,
        init_arguments=captured.init_arguments,
        dtypes=run.proved_dtypes,
        uncompilable_dtypes=run.uncompilable_dtypes,
    )
    return Verification(
        claim=claim,
        verdict=winner.verdict,
        evidence=evidence(winner.verdict),
        gpu=run.target.name,
        sandbox=sandbox,
        versions=versions(version),
        problems=small_problems(captured.inputs, captured.init_arguments),
        seeds=(winner.verdict.seed,),
        timeout_s=PROOF_LIMIT_S,
        started_utc=(datetime.now(UTC) - timedelta(seconds=run.elapsed_s)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        elapsed_s=winner.verdict.elapsed_s,
        times_s={"candidate": winner.verdict.elapsed_s},
    )
