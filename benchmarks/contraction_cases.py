"""The problems of ``contraction.py``: their names, which of them a run takes, and the least time that one needs.

A case is named ``shape.layout.dtype``, with ``.gelu`` behind it where a bias and a GELU follow: ``seed.tt.fp32``,
``4096.nt.fp16.gelu``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from tilewright.prove.physics import peaks_of
from tilewright.records.source import TensorSpec
from tilewright.records.target import Target

LAYOUTS = ("nn", "nt", "tn", "tt")
"""How A and B lie in memory: ``n`` as M x K and K x N, ``t`` transposed; row by row."""
SHORT = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}
"""Data types as a case names them, and as SPEC does."""
DTYPES = tuple(SHORT)
UNITS = {"fp32": "tensor_tf32", "fp16": "tensor_fp16", "bf16": "tensor_bf16"}
ITEM_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
EPILOGUES = ("", "gelu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a problem."""

    name: str
    m: int
    n: int
    k: int
    batch: int = 0
    """0: two matrices."""
    shared_b: bool = False
    """A is batched and B is one matrix: 3D x 2D."""
    usual: str = "nn"
    """Layout of the table that a run takes unless told."""

    @property
    def layouts(self) -> tuple[str, ...]:
        """A batch of A has one layout where B is one matrix: the kernel reads it as one tall matrix."""
        return ("nn", "nt") if self.shared_b else LAYOUTS


SHAPES = (
    Shape(name="1024", m=1024, n=1024, k=1024),
    Shape(name="2048", m=2048, n=2048, k=2048, usual="tn"),
    Shape(name="4096", m=4096, n=4096, k=4096, usual="nt"),
    Shape(name="8192", m=8192, n=8192, k=8192),
    Shape(name="seed", m=2048, n=4096, k=8192, usual="tt"),
    Shape(name="ragged", m=8205, n=5921, k=2949),
    Shape(name="small-k", m=32768, n=32768, k=64),
    Shape(name="large-k", m=256, n=256, k=524288),
    Shape(name="tall-k32", m=16384, n=16384, k=32),
    Shape(name="tall-n32", m=16384, n=32, k=16384),
    Shape(name="tall-m32", m=32, n=16384, k=16384),
    Shape(name="m1", m=1, n=8192, k=8192, usual="nt"),
    Shape(name="m16", m=16, n=8192, k=8192, usual="nt"),
    Shape(name="m64", m=64, n=8192, k=8192, usual="nt"),
    Shape(name="m128", m=128, n=8192, k=8192, usual="nt"),
    Shape(name="batch", m=512, n=2048, k=1024, batch=128),
    Shape(name="3d2d", m=1024, n=768, k=2048, batch=16, shared_b=True),
)
USUAL_EPILOGUES = ("4096", "m16", "batch", "3d2d")
"""Shapes that the usual table also has with bias and GELU; the first of them is there in every layout too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One problem of the table."""

    shape: Shape
    layout: str
    dtype: str
    epilogue: str = ""

    @property
    def name(self) -> str:
        """By which it is chosen."""
        return ".".join(part for part in (self.shape.name, self.layout, self.dtype, self.epilogue) if part)

    @property
    def a_shape(self) -> tuple[int, ...]:
        """Of A as it lies in memory."""
        one = (self.shape.k, self.shape.m) if self.layout[0] == "t" else (self.shape.m, self.shape.k)
        return (self.shape.batch, *one) if self.shape.batch else one

    @property
    def b_shape(self) -> tuple[int, ...]:
        """Of B as it lies in memory."""
        one = (self.shape.n, self.shape.k) if self.layout[1] == "t" else (self.shape.k, self.shape.n)
        return (self.shape.batch, *one) if self.shape.batch and not self.shape.shared_b else one

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """forward's arguments."""
        short = SHORT[self.dtype]
        found = [TensorSpec(name="A", dtype=short, shape=self.a_shape)]
        found.append(TensorSpec(name="B", dtype=short, shape=self.b_shape))
        if self.epilogue:
            found.append(TensorSpec(name="bias", dtype=short, shape=(self.shape.n,)))
        return tuple(found)

    @property
    def spec(self) -> str:
        """The same as SPEC writes it."""
        return " ".join(f"{one.name}={one.dtype}[{','.join(map(str, one.shape))}]" for one in self.inputs)

    @property
    def flop(self) -> float:
        """Two for each m, n and k of every batch; an epilogue's do not count."""
        return 2.0 * max(1, self.shape.batch) * self.shape.m * self.shape.n * self.shape.k

    @property
    def bytes(self) -> int:
        """Of all operands and of the output, each once."""
        batches = max(1, self.shape.batch)
        of_b = 1 if self.shape.shared_b else batches
        size = batches * self.shape.m * (self.shape.k + self.shape.n) + of_b * self.shape.k * self.shape.n
        return ITEM_BYTES[self.dtype] * (size + (self.shape.n if self.epilogue else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """The least time of a case at the Target's own peaks, TF32 for float32."""

    time_us: float
    binds: str
    """``tensor`` or ``dram``."""


def roofline(case: Case, target: Target) -> Roofline:
    """The longer of the operations at the tensor cores' peak, and of the bytes at the memory's.

    An output may stay in the L2 at the end of a call, so that a time can lie below the second.

    Raises:
        ValueError: the target has no tensor cores for the case's type.
    """
    rate = peaks_of(target).get(UNITS[case.dtype])
    if rate is None:
        raise ValueError(f"{target.title} has no tensor cores for {case.dtype}: there is no floor for {case.name}")
    times = {"tensor": case.flop / (rate * 1e6), "dram": case.bytes / (target.dram_gb_per_s * 1e3)}
    binds = max(times, key=lambda name: times[name])
    return Roofline(time_us=times[binds], binds=binds)


def every_case() -> tuple[Case, ...]:
    """The whole cross product."""
    return tuple(
        Case(shape=shape, layout=layout, dtype=dtype, epilogue=epilogue)
        for shape in SHAPES
        for layout, dtype, epilogue in product(shape.layouts, DTYPES, EPILOGUES)
    )


def usual_cases() -> tuple[Case, ...]:
    """The table that a run takes unless told: every shape in every type, one shape in every layout, some with GELU."""

    def is_usual(case: Case) -> bool:
        if case.epilogue:
            return case.shape.name in USUAL_EPILOGUES and case.layout == case.shape.usual
        return case.layout == case.shape.usual or case.shape.name == USUAL_EPILOGUES[0]

    return tuple(case for case in every_case() if is_usual(case))


def chosen_cases(patterns: Sequence[str], *, everything: bool = False) -> tuple[Case, ...]:
    """The cases that a run takes.

    Args:
        patterns: names with wildcards; they choose from all cases there are, and none of them chooses the usual ones.
        everything: take all there are.

    Raises:
        ValueError: a pattern fits no case.
    """
    known = every_case()
    if not patterns:
        return known if everything else usual_cases()
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in known):
            raise ValueError(f"--cases {pattern}: no case of that name; --all --dry-run lists them")
    return tuple(case for case in known if any(fnmatchcase(case.name, pattern) for pattern in patterns))
