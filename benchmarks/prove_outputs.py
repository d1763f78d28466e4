"""Prove every emitted file on the GPU in this machine, through the code of the chip that it was emitted for.

    python benchmarks/prove_outputs.py --examples --architecture sm_89 --json results.json --keep FOLDER
    python benchmarks/prove_outputs.py --corpus FOLDER --manifest benchmarks/data/llmkernel_level1_matmul.toml \
        --outputs FOLDER --architecture sm_89 --json results.json

``--examples`` takes ``examples/*/output.py`` against their inputs, files that came back unchanged too. A corpus is one
of ``corpus.py``, and ``--outputs`` the folder that it left its outputs in; each is held against its input and its
reference. Several files are proved at a time, each by a process of its own. ``--keep`` gets each one's certificate and
JSON; the JSON of all is written anew after each. Leaves with 1 unless every file is proved.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "tests/data/inputs/manifest.toml"
MEMORY = 0.8
"""Part of the GPU's memory that all candidates' processes may take together; the oracles' have the rest, or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """A file to prove, and what it is held against."""

    name: str
    file: str
    original: str
    reference: str | None = None
    inputs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to prove."""

    device: str
    architecture: str | None
    workers: int
    memory_fraction: float
    timeout_s: float
    seed: int | None
    keep: Path | None


def emitted_examples() -> tuple[Emitted, ...]:
    """The outputs in ``examples/``, with the inputs that they were made for."""
    found = []
    for entry in tomllib.loads(EXAMPLES.read_text(encoding="utf-8")).values():
        original = ROOT / entry["path"]
        output, reference = original.with_name("output.py"), original.with_name("reference.py")
        if output.exists():
            one = Emitted(
                name=output.parent.name,
                file=_near(output),
                original=_near(original),
                reference=_near(reference) if reference.exists() else None,
                inputs=entry.get("inputs"),
            )
            found.append(one)
    return tuple(found)


def _near(path: Path) -> str:
    """As seen from here: a certificate states what its files were called."""
    return os.path.relpath(path)


def emitted_of_corpus(corpus: Path, manifest: Path, outputs: Path) -> tuple[Emitted, ...]:
    """What ``corpus.py`` left in ``outputs``: one file for each entry of the manifest."""
    # not above: among the tests' modules there is another corpus.py
    from corpus import read_manifest

    return tuple(
        Emitted(
            name=entry.name,
            file=str(outputs / f"{entry.name}.py"),
            original=str(corpus / entry.file),
            reference=None if entry.reference is None else str(corpus / entry.reference),
            inputs=entry.inputs,
        )
        for entry in read_manifest(manifest)[1]
    )


def proved(one: Emitted, settings: Settings) -> dict[str, Any]:
    """Prove one file; the row that it becomes."""
    import tilewright

    began = time.monotonic()
    try:
        row = _proved(one, settings)
    except tilewright.InputError as error:
        row = failed(one, "refused", str(error))
    return {**row, "seconds": round(time.monotonic() - began, 1)}


def _proved(one: Emitted, settings: Settings) -> dict[str, Any]:
    import tilewright
    from tilewright.api.options import kernel_file
    from tilewright.prove.reference import read_reference_file
    from tilewright.records.verification import Claim
    from tilewright.report import write_certificate, write_verification_json
    from tilewright.source import parse_inputs

    claim = Claim(
        candidate=kernel_file(one.file),
        original=kernel_file(one.original),
        reference=None if one.reference is None else read_reference_file(one.reference),
        inputs=() if one.inputs is None else parse_inputs(one.inputs),
    )
    verifier = tilewright.Verifier(
        device=settings.device,
        architecture=settings.architecture,
        workers=settings.workers,
        memory_fraction=settings.memory_fraction,
        many=False,
        allow_unsandboxed=True,
    )
    with verifier:
        found = verifier.verify_claim(claim, seed=settings.seed, timeout_s=settings.timeout_s)
    if settings.keep is not None:
        write_certificate(found, settings.keep / f"{one.name}.certificate.json")
        write_verification_json(found, settings.keep / f"{one.name}.json")
    return {
        "name": one.name,
        "verdict": str(found.verdict.status),
        "reason": found.verdict.reason,
        "checks": len(found.verdict.checks),
        "architecture": found.architecture,
        "device": found.device,
        "driver": found.driver,
        "sandbox": found.sandbox,
        "versions": dict(found.versions),
        "unchanged": claim.original is not None and claim.candidate.text == claim.original.text,
        "against": [kind for kind in ("reference", "original") if getattr(claim, kind) is not None],
        "seed": found.verdict.seed,
        "unchecked": list(found.verdict.unchecked),
    }


def failed(one: Emitted, verdict: str, reason: str) -> dict[str, Any]:
    """The row of a file that no verdict came of."""
    return {"name": one.name, "verdict": verdict, "reason": reason, "checks": 0, "architecture": None, "seconds": 0.0}


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as text, and below them why a file is not proved."""
    rows = list(rows)
    lines = [("name", "verdict", "checks", "seconds", "architecture")]
    for row in rows:
        verdict = row["verdict"] + (" (unchanged)" if row.get("unchanged") else "")
        lines.append((row["name"], verdict, str(row["checks"]), f"{row['seconds']:.1f}", row["architecture"] or "-"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*text, *(f"{row['name']}: {row['reason']}" for row in rows if row["verdict"] != "proved")])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it as the command line asks."""
    given = _arguments(arguments)
    wanted = emitted_examples() if given.examples else ()
    if given.corpus is not None:
        wanted += emitted_of_corpus(given.corpus, given.manifest, given.outputs)
    if given.only:
        wanted = tuple(one for one in wanted if one.name in given.only)
    if not wanted:
        raise SystemExit("nothing to prove; give --examples, or --corpus with --manifest and --outputs")
    workers = given.workers or max(1, (os.cpu_count() or 1) // (2 * given.parallel))
    settings = Settings(
        device=given.device,
        architecture=given.architecture,
        workers=workers,
        memory_fraction=MEMORY / (workers * given.parallel),
        timeout_s=given.limit,
        seed=given.seed,
        keep=given.keep,
    )
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Any]] = {}
    began = time.monotonic()
    with ProcessPoolExecutor(given.parallel, mp_context=multiprocessing.get_context("spawn")) as processes:
        coming = {processes.submit(proved, one, settings): one for one in wanted}
        for done in as_completed(coming):
            one = coming[done]
            try:
                rows[one.name] = done.result()
            except BrokenProcessPool:
                rows[one.name] = failed(one, "crashed", "a process ended before its verdict")
            print(f"{one.name}: {rows[one.name]['verdict']}", flush=True)
            _write(given, [rows[each.name] for each in wanted if each.name in rows], len(wanted), began)
    print(table(rows[one.name] for one in wanted))
    return 0 if all(row["verdict"] == "proved" for row in rows.values()) else 1


def _write(given: argparse.Namespace, rows: Sequence[Mapping[str, Any]], wanted: int, began: float) -> None:
    if given.json is None:
        return
    options = {"device": given.device, "architecture": given.architecture, "parallel": given.parallel}
    told = {
        "options": {**options, "limit_s": given.limit},
        "wanted": wanted,
        "proved": sum(row["verdict"] == "proved" for row in rows),
        "elapsed_s": round(time.monotonic() - began, 1),
        "files": list(rows),
    }
    given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", action="store_true")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help="inputs and references, as the manifest says")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="TOML or JSON Lines")
    parser.add_argument("--outputs", type=Path, metavar="FOLDER", help="where corpus.py left its outputs")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these files alone")
    parser.add_argument("--device", default="cuda", choices=("none", "cuda"))
    parser.add_argument(
        "--architecture", metavar="SM", help="compile for this one, as sm_89; the device's own unless given"
    )
    parser.add_argument("--parallel", type=int, default=4, help="files at a time")
    parser.add_argument(
        "--workers", type=int, help="processes that share a file's calls; by the processors unless given"
    )
    parser.add_argument("--limit", type=float, default=120.0, metavar="SECONDS", help="for all runs of one file")
    parser.add_argument("--seed", type=int, help="of the inputs; a fresh one for each file unless given")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write each file's certificate and JSON there")
    parser.add_argument("--json", type=Path, metavar="OUT")
    given = parser.parse_args(arguments)
    if given.corpus is not None and (given.manifest is None or given.outputs is None):
        parser.error("--corpus needs --manifest and --outputs")
    return given


if __name__ == "__main__":
    raise SystemExit(main())
