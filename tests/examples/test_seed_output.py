"""The file emitted for the reference prompt, as it is committed: clean, right, and portable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tilewright import lint, source, targets
from tilewright.capture import PRELOAD, capture, capture_variants
from tilewright.compiler import BuildJob, build_many, default_cache
from tilewright.prove.session import MODELLED, Case, Host, Session
from tilewright.records.build import Build, BuildFailure
from tilewright.records.launch import Capture, Launch
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec

OUTPUT = Path(__file__).parents[2] / "examples" / "seed" / "output.py"
INPUTS = source.parse_inputs("A=f32[8192,2048] B=f32[4096,8192]")
DTYPES = ("fp32", "fp16", "bf16")
SHAPES = ((64, 64, 64), (100, 52, 36), (1, 1, 1), (257, 129, 65))
"""(M, N, K) of C[M, N] = A[K, M].T @ B[N, K].T."""
WITHOUT_SPILLS = ((8, 0), (8, 9), (9, 0), (10, 0))
LIMITS = {"f32": 2e-3, "f16": 2e-3}
"""Of the error's norm over the result's: TF32 keeps 10 bits of a factor, as float16 does, so 2**-10 and some room."""


@pytest.fixture(scope="module")
def emitted() -> KernelSource:
    return source.read_kernel_file(str(OUTPUT), OUTPUT.read_text(encoding="utf-8"))


def test_linter_finds_nothing(emitted: KernelSource) -> None:
    assert lint.check(emitted) == ()


def test_imports_nothing_but_torch_and_triton(emitted: KernelSource) -> None:
    imports = [line for line in emitted.text.splitlines() if line.startswith(("import ", "from "))]
    assert imports == [
        "import torch",
        "import torch.nn as nn",
        "import triton",
        "import triton.language as tl",
    ]


@pytest.fixture(scope="module")
def session(emitted: KernelSource, shelf) -> Iterator[Session]:
    with shelf.interpreter_worker() as worker:
        opened = Session(Host(worker=worker), emitted.text, "ModelNew", seed=0, timeout_s=240.0)
        yield opened
        opened.close()


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("layout", ["contiguous", "transposed storage", "every second element"])
def test_right_in_the_interpreter(session: Session, dtype: str, layout: str) -> None:
    check(session, [call(shape, dtype, layout) for shape in SHAPES])


def test_every_autotune_entry_is_right(session: Session) -> None:
    first = call((100, 52, 36), "f32", "contiguous", tag="counting")
    entries = max(session.run([first[0]])[first[0].name].configurations.values(), default=1)
    check(session, [call((100, 52, 36), "f32", "contiguous", tag=f"entry{i}", config=i) for i in range(1, entries)])


def call(
    shape: tuple[int, int, int], dtype: str, layout: str, *, tag: str = "", config: int = 0
) -> tuple[Case, np.ndarray]:
    """One call on random values, and what it should return."""
    m, n, k = shape
    rng = np.random.default_rng((m, n, k))
    a, b = (rng.standard_normal(size).astype("f2" if dtype == "f16" else "f4") for size in ((k, m), (n, k)))
    specs = tuple(
        TensorSpec(name=side, dtype=dtype, shape=value.shape, strides=strides(value.shape, layout))
        for side, value in (("A", a), ("B", b))
    )
    name = f"{layout.replace(' ', '_')}_{dtype}_{m}_{n}_{k}{tag}"
    case = Case(
        name=name,
        problem=Problem(inputs=specs),
        instance=name,
        dtypes=(dtype, dtype),
        cast=None,
        values=[a.astype("f8"), b.astype("f8")],
        arithmetic=MODELLED,
        config=config,
    )
    return case, a.astype("f8").T @ b.astype("f8").T


def check(session: Session, calls: list[tuple[Case, np.ndarray]]) -> None:
    results = session.run([case for case, _ in calls])
    for case, truth in calls:
        result = results[case.name]
        assert result.ran, (case.name, result.error)
        [leaf] = result.outputs.values()
        assert leaf.values is not None
        assert leaf.values.shape == truth.shape
        assert leaf.unwritten == 0
        error = np.linalg.norm(leaf.values - truth) / np.linalg.norm(truth)
        assert error <= LIMITS[case.dtypes[0]], (case.name, error)


def strides(shape: tuple[int, ...], layout: str) -> tuple[int, int] | None:
    rows, columns = shape
    return {"contiguous": None, "transposed storage": (1, rows), "every second element": (2 * columns, 2)}[layout]


@pytest.fixture(scope="module")
def variants(emitted: KernelSource, shelf) -> dict[str, Capture]:
    """What the file launches for each dtype at the seed's shapes; every autotune entry is one launch."""
    target = targets.load("rtx4090")
    with shelf.worker(preload=PRELOAD) as worker:
        found = capture(emitted, target=target, worker=worker, inputs=INPUTS)
        return capture_variants(emitted, capture=found, target=target, worker=worker, dtypes=DTYPES)


def test_captures_alike_for_every_dtype(variants: dict[str, Capture]) -> None:
    assert set(variants) == set(DTYPES)
    assert not [found.error for found in variants.values() if found.error]
    entries = [[launch.configuration for launch in found.launches] for found in variants.values()]
    assert entries[0]
    assert entries[0] == entries[1] == entries[2]


@pytest.mark.parametrize("capability", [*WITHOUT_SPILLS, (7, 5)], ids=lambda cc: f"sm_{cc[0]}{cc[1]}")
def test_every_entry_builds(variants: dict[str, Capture], capability: tuple[int, int], shelf) -> None:
    """No entry spills but on the oldest target, for any dtype."""
    for (dtype, launch), build in zip(entries(variants), built(variants, capability, shelf), strict=True):
        entry = (dtype, dict(launch.configuration), launch.num_warps, launch.num_stages)
        assert isinstance(build, Build), (entry, build)
        assert build.spill_bytes == 0 or capability == (7, 5), (entry, build.spill_bytes)
        assert math.isfinite(build.shared_bytes)


def test_sm_80_and_sm_89_stand_for_each_other(variants: dict[str, Capture], shelf) -> None:
    ampere, ada = (built(variants, capability, shelf) for capability in ((8, 0), (8, 9)))
    for (dtype, _), one, other in zip(entries(variants), ampere, ada, strict=True):
        assert isinstance(one, Build)
        assert isinstance(other, Build)
        assert one.shared_bytes == other.shared_bytes
        assert abs(one.registers_per_thread - other.registers_per_thread) <= (0 if dtype == "fp32" else 10)


def entries(variants: dict[str, Capture]) -> list[tuple[str, Launch]]:
    return [(dtype, launch) for dtype, found in variants.items() for launch in found.launches]


def built(variants: dict[str, Capture], capability: tuple[int, int], shelf) -> list[Build | BuildFailure]:
    jobs = [
        BuildJob(
            kernel=launch.kernel,
            ttir=launch.ttir,
            compute_capability=capability,
            num_warps=launch.num_warps,
            num_stages=launch.num_stages,
            num_ctas=launch.num_ctas,
            instructions=False,
        )
        for _, launch in entries(variants)
    ]
    with shelf.pool(preload=("tilewright.compiler.job",)) as pool:
        return list(build_many(jobs, pool=pool, cache=default_cache()))
