"""What was proved, by which checks, what could not be looked at, and the certificate to repeat it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence

from tilewright.report import words
from tilewright.report.page.basis import Basis, verdict_of
from tilewright.report.page.model import Block, Download, Facts, Fold, Grid, Part, Points, Sentence
from tilewright.report.page.reading import Form, find, forms, items, number, part, text, texts
from tilewright.report.section import Tone

MOST_BYTES = 120_000
"""Bytes up to which a certificate is put into the page."""


def proof_block(basis: Basis, *, certificate: Form) -> Block:
    """The verdict with its checks.

    Args:
        basis: the run.
        certificate: as the document holds it, character by character: its hash has to fit.
    """
    title = "Proof and certificate"
    verdict = verdict_of(basis)
    if not verdict:
        why = "The input goes back as it was: there is nothing to prove, and no certificate."
        if not basis.finished or basis.improved:
            why = "No candidate had been proved when the run ended; there is no certificate."
        return Block(key="proof", title=title, parts=(Sentence(text=why),))
    checks = forms(verdict, "checks")
    status = text(verdict, "status", default="not decided")
    tone = Tone.GOOD if status == "proved" else Tone.BAD
    parts: list[Part] = [Sentence(text=f"{status.capitalize()}: {text(verdict, 'reason')}.", tone=tone)]
    parts.append(Facts(rows=tuple(_facts(basis, verdict))))
    if checks:
        parts.append(_checks(checks))
    unchecked = texts(verdict, "unchecked")
    if unchecked:
        parts.append(Fold(summary="What this proof could not look at", parts=(Points(items=tuple(unchecked)),)))
    parts += _certificate(certificate)
    return Block(key="proof", title=title, parts=tuple(parts))


def _facts(basis: Basis, verdict: Form) -> list[tuple[str, str]]:
    form = part(basis.document, "certificate")
    where = text(form, "device")
    where = "Triton's interpreter, no GPU" if where == "interpreter" else where
    rows = [("Accuracy", text(basis.document, "precision") or text(form, "precision"))]
    rows += [("Ran on", where), ("Compiled for", text(form, "architecture")), ("Sandbox", text(form, "sandbox"))]
    seed = number(verdict, "seed")
    rows.append(("Seed of the inputs", "" if seed is None else str(int(seed))))
    for name, key in (("Input, SHA-256", "original"), ("Output, SHA-256", "candidate")):
        rows.append((name, text(form, key, "sha256")))
    rows.append(("Certificate, SHA-256", text(form, "sha256")))
    return [(name, value) for name, value in rows if value]


def _checks(checks: Sequence[Form]) -> Grid:
    rows = []
    for name in dict.fromkeys(text(check, "name") for check in checks):
        own = [check for check in checks if text(check, "name") == name]
        failed = sum(check.get("passed") is not True for check in own)
        bounded = [check for check in own if number(check, "bound") and number(check, "error") is not None]
        worst = max(bounded, key=lambda one: (number(one, "error") or 0) / (number(one, "bound") or 1), default=None)
        dtypes = ", ".join(dict.fromkeys(text(check, "dtype") for check in own if text(check, "dtype")))
        cells = (name, dtypes or words.NONE, words.count(len(own)), words.count(failed) if failed else "none")
        rows.append((*cells, *_errors(worst), _case(worst)))
    columns = ("check", "dtypes", "times", "failed", "worst error", "allowed", "the input's", "at")
    caption = "Every check, the one that came nearest to its bound in figures."
    return Grid(caption=caption, columns=columns, rows=tuple(rows), numeric=columns[2:-1])


def _errors(worst: Form | None) -> tuple[str, str, str]:
    if worst is None:
        return words.NONE, "exact", words.NONE
    found = [number(worst, key) for key in ("error", "bound", "original_error")]
    shown = [words.NONE if one is None else f"{one:.2e}" for one in found]
    return shown[0], shown[1], shown[2]


def _case(worst: Form | None) -> str:
    if worst is None:
        return words.NONE
    shapes = [words.extents(shape) for shape in items(worst, "shapes") if isinstance(shape, list)]
    return ", ".join(one for one in (" ".join(shapes), text(worst, "dtype"), text(worst, "distribution")) if one)


def _certificate(certificate: Form) -> list[Part]:
    whole = find(certificate, "kind") == "certificate" and isinstance(find(certificate, "sha256"), str)
    if not whole:
        return [Sentence(text="The document holds no certificate; `optimize --certificate-out FILE` writes one.")]
    packed = gzip.compress(json.dumps(certificate, separators=(",", ":")).encode("ascii"), mtime=0)
    if len(packed) > MOST_BYTES:
        return [Sentence(text="The certificate is too large for this page; the store keeps it with the run.")]
    url = f"data:application/gzip;base64,{base64.b64encode(packed).decode('ascii')}"
    how = "Unpack it and run `tilewright verify --certificate certificate.json` to repeat the proof."
    what = "The certificate with both files in it"
    return [Download(text=what, file_name="certificate.json.gz", url=url, use=how)]
