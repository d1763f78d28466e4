"""What a reference file is called with, told by the reference and never by the candidate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tilewright.capture import wire
from tilewright.errors import ReferenceFileError
from tilewright.prove.inputs import python_value
from tilewright.records.source import TensorSpec
from tilewright.records.target import Target
from tilewright.records.verification import InitArgument, VerifiedFile
from tilewright.workers import Outcome, Worker

JOB = "tilewright.prove.reference_job:read"
PRELOAD = ("tilewright.prove.reference_job",)
"""Modules for a Worker to import at its start."""
TENSOR_DTYPES = ("f32", "f16", "bf16", "f64", "i8", "u8", "i16", "i32", "i64", "bool")
"""What a proof can make values for."""
_LIMIT_BYTES = 4 << 20
_BY_ITSELF = "run the reference by itself to see why"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCall:
    """One call of a reference at its real size."""

    inputs: tuple[TensorSpec, ...]
    """Forward's arguments in order; a plain number is a spec of dtype ``python``."""
    init_arguments: tuple[InitArgument, ...]
    outputs: tuple[TensorSpec, ...] = ()
    """What forward returns; empty where that takes values, which tensors without memory do not have."""
    forward_error: str = ""
    """What forward raised on tensors without memory."""
    line: int | None = None
    """Line of the reference on which it did."""


def read_reference_file(path: str) -> VerifiedFile:
    """Read a reference file's text.

    Raises:
        ReferenceFileError: it cannot be read, is no text, or is larger than 4 MiB.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        what = f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
        raise ReferenceFileError(path, None, what, "give a readable file") from error
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ReferenceFileError(path, None, "is no text in UTF-8", "give a Python file") from error
    if len(data) > _LIMIT_BYTES:
        raise ReferenceFileError(path, None, "is larger than 4 MiB", "give a Python file")
    return verified_file(path, text)


def verified_file(path: str, text: str, first_line: int = 1) -> VerifiedFile:
    """A file's text with its hash."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return VerifiedFile(path=path, text=text, sha256=digest, first_line=first_line)


def read_reference(reference: VerifiedFile, *, worker: Worker, target: Target, timeout_s: float) -> ReferenceCall:
    """Ask ``get_inputs`` and ``get_init_inputs`` what forward and the model are called with.

    Tensors are made without memory where the functions allow it, so that inputs of many gigabytes cost nothing.

    Args:
        reference: a KernelBench file with ``Model``, ``get_inputs`` and, as a rule, ``get_init_inputs``.
        worker: where it runs; the candidate must never run there.
        target: what ``torch.cuda`` answers for.
        timeout_s: the most seconds that it may take.

    Raises:
        ReferenceFileError: it does not load, lacks a part, or its parts do not fit each other.
    """
    file = worker.folder / f"reference_{reference.sha256[:16]}.py"
    file.write_text(reference.text, encoding="utf-8")
    arguments = {"path": str(file), "facts": asdict(target), "dtypes": TENSOR_DTYPES}
    outcome = worker.call(JOB, arguments, timeout_s=timeout_s)
    if outcome.kind != "returned":
        raise ReferenceFileError(reference.path, None, _ended(outcome), _BY_ITSELF)
    try:
        refused = outcome.value.get("refused")
        if refused is not None:
            line = None if refused["line"] is None else int(refused["line"])
            raise ReferenceFileError(reference.path, line, str(refused["what"]), str(refused["remedy"]))
        return _call(outcome.value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # code in the worker can write what it likes on its pipe
        what = "the answer about its inputs is not usable"
        raise ReferenceFileError(reference.path, None, what, _BY_ITSELF) from error


def input_specs(values: Sequence[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    """Forward's arguments from JSON values that come from outside.

    Raises:
        ValueError: one of them is nothing that a proof can make a value for.
    """
    specs = wire.specs(values)
    check_inputs(specs)
    return specs


def check_inputs(specs: Sequence[TensorSpec]) -> None:
    """See to it that a proof can make values for every argument.

    Raises:
        ValueError: it cannot for one of them.
    """
    for spec in specs:
        lengths = (*spec.shape, *(spec.strides or ()))
        sound = isinstance(spec.name, str) and all(type(each) is int and each >= 0 for each in lengths)
        if not sound or (spec.strides is not None and len(spec.strides) != len(spec.shape)):
            raise ValueError(f"an input of shape {spec.shape}, strides {spec.strides}")
        if spec.dtype == "python":
            try:
                python_value(spec)
            except ValueError:
                raise ValueError(f"the plain value {spec.name}") from None
        elif spec.dtype not in TENSOR_DTYPES:
            raise ValueError(f"an input of dtype {spec.dtype!r}")


def init_arguments(values: Sequence[Any]) -> tuple[InitArgument, ...]:
    """The model's arguments from JSON values that come from outside; lists become tuples.

    Raises:
        ValueError: one of them is no number, string or list of such.
    """
    return tuple(_frozen(each) for each in values)


def _call(value: Mapping[str, Any]) -> ReferenceCall:
    return ReferenceCall(
        inputs=input_specs(value["inputs"]),
        init_arguments=init_arguments(value["init"]),
        outputs=wire.specs(value["outputs"]),
        forward_error=str(value["forward_error"]),
        line=None if value["line"] is None else int(value["line"]),
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    if not isinstance(value, bool | int | float | str | None):
        raise ValueError(f"a {type(value).__name__} among the init arguments")
    return value


def _ended(outcome: Outcome) -> str:
    if outcome.kind == "raised":
        return f"reading its inputs failed: {outcome.error_type}: {outcome.message}"
    return f"reading its inputs ended early: {outcome.message}"
