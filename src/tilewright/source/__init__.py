"""Read and write kernel files: the KernelBench contract, prompt documents, and edits that keep the rest as it was."""

from tilewright.source.dead import drop_dead_assignments
from tilewright.source.edit import insert_before, rename, replace_kernel
from tilewright.source.imports import drop_unused_imports
from tilewright.source.inputs import format_inputs, parse_inputs
from tilewright.source.kernel_file import (
    ModelArgument,
    ModelSignature,
    model_forward,
    model_signature,
    read_kernel_file,
    read_text,
)
from tilewright.source.launches import KernelParameter, LaunchSite, find_launches, parameters, replace_launch
from tilewright.source.layout import format_source
from tilewright.source.parts import Part, Section, arrange, sections
from tilewright.source.request import read_request, read_request_text

__all__ = [
    "KernelParameter",
    "LaunchSite",
    "ModelArgument",
    "ModelSignature",
    "Part",
    "Section",
    "arrange",
    "drop_dead_assignments",
    "drop_unused_imports",
    "find_launches",
    "format_inputs",
    "format_source",
    "insert_before",
    "model_forward",
    "model_signature",
    "parameters",
    "parse_inputs",
    "read_kernel_file",
    "read_request",
    "read_request_text",
    "read_text",
    "rename",
    "replace_kernel",
    "replace_launch",
    "sections",
]
