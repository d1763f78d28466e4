"""Files that the examples of several rules are built from."""

from __future__ import annotations

from tilewright.lint.rule import HEADER


def autotuned(
    configs: str,
    *,
    key: str = '["n"]',
    more: str = "",
    grid: str = 'lambda META: (triton.cdiv(n, META["BLOCK"]),)',
    passed: str = "",
    parameters: str = "x_ptr, n, BLOCK: tl.constexpr",
    body: str = "pid = tl.program_id(0)",
) -> str:
    """Return a file with one autotuned kernel and its launch; the configs' list opens on line 8."""
    return (
        f"{HEADER}@triton.autotune(\n    configs=[{configs}],\n    key={key},{more}\n)\n@triton.jit\n"
        f"def kernel({parameters}):\n    {body}\n\n\n"
        f"def run(x, n):\n    grid = {grid}\n    kernel[grid](x, n{passed})\n"
    )
