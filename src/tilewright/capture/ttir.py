"""Triton IR of one launch, as far as Triton itself makes it before a target's own passes."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from triton.compiler import ASTSource, make_backend
from triton.compiler.errors import CompilationError

SOURCE_NAME = "source.py"
"""What the user's file is called inside TTIR, so that equal kernels have equal text wherever they lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """TTIR, or why there is none."""

    ttir: str = ""
    error: str = ""


def specialised(source: Any, target: Any, options: Any, path: str) -> Text:
    """TTIR of a launch with its own specialisation.

    Args:
        source: the ``ASTSource`` that Triton made for the launch.
        target: the ``GPUTarget``.
        options: the launch's parsed options.
        path: the user's file, whose name is replaced in the text.
    """
    backend = make_backend(target)
    from triton._C.libtriton import ir

    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    try:
        codegen, modules = backend.get_codegen_implementation(options), backend.get_module_map()
        module = source.make_ir(target, options, codegen, modules, context)
        stages: dict[str, Any] = {}
        backend.add_stages(stages, options, source.language)
        module = stages["ttir"](module, dict(options.__dict__))
        return Text(ttir=str(module).replace(path, SOURCE_NAME))
    except Exception as error:  # what a kernel can do wrong has no common class in Triton
        return Text(error=one_line(error, source.fn))


def generic(source: Any, target: Any, options: Any, path: str) -> Text:
    """TTIR of the same launch with no integer specialised: see ``Launch.generic_ttir``."""
    kernel = source.fn
    declared = {parameter.name for parameter in kernel.params if parameter.is_constexpr}
    signature: dict[str, Any] = {}
    constants: dict[tuple[int, ...], Any] = {}
    for position, (name, kind) in enumerate(source.signature.items()):
        signature[name] = _unspecialised(kind, (position,), name in declared, source.constants, constants)
    return specialised(ASTSource(kernel, signature, constants, {}), target, options, path)


def _unspecialised(kind: Any, path: tuple[int, ...], declared: bool, old: dict[Any, Any], new: dict[Any, Any]) -> Any:
    """Type of an argument once a number that is a constant only for being 1 is a number again."""
    if isinstance(kind, tuple):
        parts = [_unspecialised(part, (*path, index), declared, old, new) for index, part in enumerate(kind)]
        return type(kind)(*parts) if hasattr(kind, "_fields") else tuple(parts)
    if kind != "constexpr":
        return kind
    value = old[path]
    if not declared and type(value) is int:
        return "i32"
    new[path] = value
    return kind


def one_line(error: BaseException, kernel: Any) -> str:
    """Triton's message in one line, with the line of the file that it is about."""
    if not isinstance(error, CompilationError):
        text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = getattr(getattr(error, "node", None), "lineno", None)
    reason = _reason(error)
    return reason if line is None else f"line {_first_line(kernel) + line - 1}: {reason}"


def _first_line(kernel: Any) -> int:
    """Line of the kernel's ``def``, from which Triton counts."""
    lines, start = inspect.getsourcelines(kernel.fn)
    decorators = next((index for index, line in enumerate(lines) if line.lstrip().startswith("def ")), 0)
    return start + decorators


def _reason(error: CompilationError) -> str:
    """The innermost reason: a failure inside a helper comes wrapped in the failures of its callers."""
    cause: BaseException | None = error
    text = ""
    while cause is not None:
        own = getattr(cause, "error_message", None) if isinstance(cause, CompilationError) else str(cause)
        text = own or text
        cause = cause.__cause__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # Triton hands some errors on as the representation of a Python exception
    quoted = re.fullmatch(r"\w+\((['\"])(.*)\1,?\)", lines[0])
    return re.sub(r"\s+", " ", quoted.group(2) if quoted else lines[0])
