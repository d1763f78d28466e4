"""What the seed's file becomes with descriptors, as far as a compiler for Hopper can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from emit_cases import SUM, apply, constant

from tilewright import targets
from tilewright.api.options import read_request
from tilewright.capture import PRELOAD, capture
from tilewright.compiler import BuildJob, build_many
from tilewright.cost import guess
from tilewright.families import contraction, lift
from tilewright.records.algorithm import Contraction
from tilewright.records.build import Build
from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted

EXAMPLE = Path(__file__).parents[3] / "examples/seed"
H200 = targets.load("h200")
REQUEST, TARGET = read_request(
    str(EXAMPLE / "prompt.txt"), gpu="h200", metrics=None, reference=str(EXAMPLE / "reference.py"), inputs=None
)
TILE = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}
LAYOUT = {"a_layout": "k_major", "b_layout": "k_major", "descriptors": True}


@contextmanager
def launching(shelf) -> Iterator[Callable[[str], list[Launch]]]:
    """What a text in the seed's place launches."""
    with shelf.worker(preload=PRELOAD) as worker:

        def launched(text: str) -> list[Launch]:
            source = replace(REQUEST.source, text=text, first_line=1)
            found = capture(source, target=TARGET, worker=worker, reference=REQUEST.reference_path)
            assert not found.error
            return list(found.launches)

        yield launched


def seed(launched: Callable[[str], list[Launch]]) -> Lifted:
    _, lifted = lift(launched(REQUEST.source.text)[0])
    assert isinstance(lifted, Lifted)
    return lifted


def emitted(lifted: Lifted, schedule: Schedule) -> str:
    text = contraction.emit(REQUEST.source, lifted, (schedule,), docstring="Test.")
    assert isinstance(text, str)
    return text


def job_of(main: Launch, schedule: Schedule) -> BuildJob:
    return BuildJob(
        kernel="matmul_kernel",
        ttir=main.ttir,
        compute_capability=(9, 0),
        num_warps=schedule.num_warps,
        num_stages=schedule.num_stages,
    )


def fits_as_guessed(build: object, lifted: Lifted, schedule: Schedule) -> bool:
    assert isinstance(build, Build)
    assert build.spill_bytes == 0
    expected = guess(H200, contraction.work(lifted, schedule, lifted.launch)).shared_bytes
    return build.shared_bytes == expected <= H200.shared_bytes_per_block


def test_the_large_tile_is_built_for_hopper_without_spills_and_in_the_space_that_was_guessed(shelf) -> None:
    with launching(shelf) as launched, shelf.pool(preload=("tilewright.compiler.job",)) as pool:
        lifted = seed(launched)
        base = replace(lifted.schedule, **LAYOUT, **TILE)
        plans = (base, replace(base, program_order="row_major", persistent=True, num_stages=3))
        jobs = []
        for schedule in plans:
            pack, main = launched(emitted(lifted, schedule))  # A lies across and is copied, B is read where it lies
            assert (pack.kernel, main.kernel) == ("matmul_kernel_pack", "matmul_kernel")
            origins = {a.parameter: a.origin for a in main.arguments if isinstance(a, TensorArgument)}
            assert (origins["a_desc"], origins["b_desc"]) == ("allocated:0", "input:1")
            jobs.append(job_of(main, schedule))
        for schedule, build in zip(plans, build_many(jobs, pool=pool, cache=None), strict=True):
            assert fits_as_guessed(build, lifted, schedule)
            assert "HGMMA" in build.mix.loop
            assert "LDGSTS" not in build.mix.loop


def test_the_large_tile_with_a_demanding_epilogue_is_built_without_spills_in_parts(shelf) -> None:
    scaled = apply("mul", SUM, constant(0.5))
    gelu = apply("mul", scaled, apply("add", constant(1.0), apply("erf", apply("mul", SUM, constant(0.70710677)))))
    with launching(shelf) as launched, shelf.pool(preload=("tilewright.compiler.job",)) as pool:
        lifted = seed(launched)
        assert isinstance(lifted.algorithm, Contraction)
        outputs = tuple(replace(output, value=gelu) for output in lifted.algorithm.outputs)
        lifted = replace(lifted, algorithm=replace(lifted.algorithm, outputs=outputs))
        # one tile a program, as the search has it: in a flattened loop Triton 3.6 spills 40 bytes of this one
        schedule = replace(lifted.schedule, **LAYOUT, **TILE)
        main = launched(emitted(lifted, schedule))[-1]
        (build,) = build_many([job_of(main, schedule)], pool=pool, cache=None)
        assert fits_as_guessed(build, lifted, schedule)
