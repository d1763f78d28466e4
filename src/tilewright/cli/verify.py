"""``tilewright verify``: whether a candidate computes what it should."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.consent import consent
from tilewright.errors import InputError
from tilewright.prove.host import gpu_is_visible
from tilewright.records.verdict import Status
from tilewright.records.verification import Verification
from tilewright.report import (
    progress,
    show_verification,
    verdict_line,
    write_certificate,
    write_verification_json,
)

EXIT_CODES = {Status.PROVED: 0, Status.REFUTED: 1, Status.UNDECIDED: 3}
_File = Annotated[str | None, typer.Argument(metavar="CANDIDATE", help="Kernel file (.py) or prompt document.")]
_Out = Annotated[Path | None, typer.Option("--certificate-out", metavar="FILE", help="Write a certificate here.")]

_Device = Annotated[api.Device | None, typer.Option(help="`cuda` runs on the GPU; `none` in Triton's interpreter.")]
_Precision = Annotated[
    api.Precision | None, typer.Option(help="What the candidate's error may be; no-worse unless given.")
]
_Timeout = Annotated[float | None, typer.Option(metavar="SECONDS", help="For all runs of one file; 60 unless given.")]
_Large = Annotated[bool, typer.Option("--large", help="On a GPU, also shapes of more than 2^31 elements, if they fit.")]
_Architecture = Annotated[
    str | None, typer.Option(metavar="SM", help="On a GPU, compile for this older one, as sm_89, by way of its PTX.")
]
_Json = Annotated[Path | None, typer.Option("--json", help="Also write everything found here.")]
_Allow = Annotated[bool, typer.Option("--allow-unsandboxed", help="Run the files even if nothing confines them.")]


def verify(
    candidate: _File = None,
    reference: Annotated[str | None, typer.Option(help="KernelBench reference: Model, get_inputs.")] = None,
    original: Annotated[
        str | None, typer.Option(metavar="FILE", help="Kernel file whose error bounds the candidate's.")
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="C", help="Repeat this certificate; it holds the files.")
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="GPU whose peaks times are held against.")] = None,
    device: _Device = None,
    precision: _Precision = None,
    seed: Annotated[int | None, typer.Option(help="Of the inputs; a fresh, secret one unless given.")] = None,
    timeout: _Timeout = None,
    large: _Large = False,
    architecture: _Architecture = None,
    json_path: _Json = None,
    certificate_out: _Out = None,
    allow_unsandboxed: _Allow = False,
) -> int:
    """Find out whether CANDIDATE computes what REF computes, no less accurately than the original.

    Writes `proved`, `refuted: why` or `undecided: why` on stdout, and the report on stderr.
    Exit 0: proved. 1: refuted. 2: unusable input. 3: undecided, out of time or memory.
    """
    api.check_writable(json_path)
    api.check_writable(certificate_out)
    _check_files(candidate, reference, original, certificate, precision)
    where = device or (api.Device.CUDA if gpu_is_visible() else api.Device.NONE)
    allowed = consent(allow_unsandboxed)
    with progress() as on_step:
        if certificate is not None:
            found = api.verify_certificate(
                certificate,
                candidate=candidate,
                gpu=gpu,
                device=where,
                seed=seed,
                timeout_s=timeout,
                large=large,
                architecture=architecture,
                allow_unsandboxed=allowed,
                on_step=on_step,
            )
        else:
            found = api.verify(
                candidate or "",
                reference=reference,
                original=original,
                gpu=gpu,
                device=where,
                precision=precision or api.Precision.NO_WORSE,
                seed=seed,
                timeout_s=60.0 if timeout is None else timeout,
                large=large,
                architecture=architecture,
                allow_unsandboxed=allowed,
                on_step=on_step,
            )
    return _tell(found, json_path, certificate_out)


def _check_files(
    candidate: str | None,
    reference: str | None,
    original: str | None,
    certificate: str | None,
    precision: api.Precision | None,
) -> None:
    if certificate is None:
        if candidate is None:
            raise InputError("no candidate; name a kernel file, or give --certificate")
        return
    others = {"--reference": reference, "--original": original, "--precision": precision}
    for option, value in others.items():
        if value is not None:
            raise InputError(f"{option} with --certificate: the certificate holds its own; leave {option} away")


def _tell(found: Verification, json_path: Path | None, certificate_out: Path | None) -> int:
    if json_path is not None:
        write_verification_json(found, json_path)
    if certificate_out is not None:
        write_certificate(found, certificate_out)
    typer.echo(verdict_line(found))
    sys.stdout.flush()
    show_verification(found)
    return EXIT_CODES[found.verdict.status]
