"""Read a kernel file in KernelBench form."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from tilewright.errors import SourceError
from tilewright.records.source import KernelSource
from tilewright.source import tree

_FORM = "a kernel file holds imports, @triton.jit kernels, wrappers and class ModelNew"


def read_text(path: str) -> str:
    """Read a file as text with ``\\n`` line ends and no byte order mark.

    Raises:
        SourceError: it is not there, not readable, or not text.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SourceError(path, None, f"cannot be read: {reason}", "name a kernel file or a prompt document") from error
    return normalise(decode(path, data))


def decode(path: str, data: bytes) -> str:
    """Decode UTF-8, UTF-16 with a byte order mark, or what a Python coding comment declares."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        declared = _declared_encoding(data)
        line = data.count(b"\n", 0, error.start) + 1
        if declared is None:
            raise SourceError(path, line, "not text in UTF-8", "save the file as UTF-8") from error
        text = data.decode(declared, errors="replace")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SourceError(path, line, "not text: it holds a zero byte", "name a kernel file or a prompt document")
    return text


def _declared_encoding(data: bytes) -> str | None:
    try:
        found = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        return None
    return None if found.startswith("utf-8") else found


def normalise(text: str) -> str:
    """Drop a byte order mark, and end every line with ``\\n``."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_kernel_file(path: str, text: str, first_line: int = 1) -> KernelSource:
    """Check that ``text`` is a kernel file, and find its kernels.

    Args:
        path: What to call the file in messages.
        text: The whole file, or the code block of a document.
        first_line: Line of ``path`` on which ``text`` begins.

    Raises:
        SourceError: empty, not Python, no class ModelNew, or no ``@triton.jit`` kernel.
    """
    text = normalise(text)
    if not text.strip():
        raise SourceError(path, first_line, "the file is empty", _FORM)
    module = tree.parse(text, path, first_line)
    if not any(isinstance(node, cst.ClassDef) and node.name.value == "ModelNew" for node in _top_level(module)):
        last = first_line + max(text.rstrip("\n").count("\n"), 0)
        raise SourceError(path, last, "no class ModelNew", "end the file with `class ModelNew(nn.Module)`")
    kernels = tuple(tree.kernels_of(module))
    if not kernels:
        raise SourceError(path, first_line, "no @triton.jit kernel", "put @triton.jit above the kernel function")
    return KernelSource(path=path, text=text, kernels=kernels, first_line=first_line)


def _top_level(module: cst.Module) -> list[cst.CSTNode]:
    """Statements of the module, those under a top-level ``if`` or ``try`` included."""
    found: list[cst.CSTNode] = []
    queue: list[cst.CSTNode] = list(module.body)
    while queue:
        node = queue.pop(0)
        found.append(node)
        if isinstance(node, cst.If | cst.Try | cst.Else | cst.With):
            queue += [child for child in node.children if isinstance(child, cst.Else | cst.If)]
            queue += list(node.body.body)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArgument:
    """An argument of ``ModelNew.forward`` or ``ModelNew.__init__``; texts as written in the file."""

    name: str
    """``*rest`` and ``**rest`` keep their stars."""
    default: str | None = None
    annotation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature:
    """What ``ModelNew`` is built from and called with; ``self`` is left out."""

    forward: tuple[ModelArgument, ...]
    init: tuple[ModelArgument, ...]


def model_signature(source: KernelSource) -> ModelSignature:
    """Find the arguments of ModelNew's ``forward`` and ``__init__``, inherited ones in the same file included.

    Raises:
        SourceError: no ``forward`` stands in ModelNew or in a base class that the file holds.
    """
    module = tree.parse(source.text, source.path, source.first_line)
    classes = {node.name.value: node for node in _top_level(module) if isinstance(node, cst.ClassDef)}
    forward = _method(classes, "ModelNew", "forward")
    if forward is None:
        what = "class ModelNew has no forward()"
        raise SourceError(source.path, source.first_line, what, "define forward(self, …) that calls the wrapper")
    init = _method(classes, "ModelNew", "__init__")
    return ModelSignature(forward=_arguments(forward), init=_arguments(init) if init else ())


def model_forward(source: KernelSource) -> tuple[str, ...]:
    """Names of ``ModelNew.forward``'s arguments, in order, without ``self``."""
    return tuple(argument.name for argument in model_signature(source).forward)


def _method(classes: dict[str, cst.ClassDef], owner: str, name: str) -> cst.FunctionDef | None:
    seen: set[str] = set()
    queue = [owner]
    while queue:
        current = queue.pop(0)
        if current in seen or current not in classes:
            continue
        seen.add(current)
        for statement in classes[current].body.body:
            if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                return statement
        queue += [base for base in (tree.dotted(argument.value) for argument in classes[current].bases) if base]
    return None


def _arguments(function: cst.FunctionDef) -> tuple[ModelArgument, ...]:
    params = function.params
    positional = [*params.posonly_params, *params.params]
    static = any(tree.dotted(decorator.decorator) == "staticmethod" for decorator in function.decorators)
    listed = [("", param) for param in (positional if static else positional[1:])]
    if isinstance(params.star_arg, cst.Param):
        listed.append(("*", params.star_arg))
    listed += [("", param) for param in params.kwonly_params]
    if params.star_kwarg is not None:
        listed.append(("**", params.star_kwarg))
    return tuple(
        ModelArgument(
            name=star + param.name.value,
            default=tree.code(param.default) if param.default is not None else None,
            annotation=tree.code(param.annotation.annotation) if param.annotation is not None else None,
        )
        for star, param in listed
    )
