"""What the seed's file becomes with descriptors, as far as a compiler for Hopper can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tilewright import targets
from tilewright.api.options import read_request
from tilewright.capture import PRELOAD, capture
from tilewright.compiler import BuildJob, build_many
from tilewright.cost import guess
from tilewright.families import contraction, lift
from tilewright.records.build import Build
from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.trial import Lifted

EXAMPLE = Path(__file__).parents[3] / "examples/seed"
H200 = targets.load("h200")
TILE = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}


def test_the_large_tile_is_built_for_hopper_without_spills_and_in_the_space_that_was_guessed(shelf) -> None:
    request, target = read_request(
        str(EXAMPLE / "prompt.txt"), gpu="h200", metrics=None, reference=str(EXAMPLE / "reference.py"), inputs=None
    )
    with shelf.worker(preload=PRELOAD) as worker, shelf.pool(preload=("tilewright.compiler.job",)) as pool:

        def launched(text: str) -> list[Launch]:
            source = replace(request.source, text=text, first_line=1)
            found = capture(source, target=target, worker=worker, reference=request.reference_path)
            assert not found.error
            return list(found.launches)

        first = launched(request.source.text)[0]
        _, lifted = lift(first)
        assert isinstance(lifted, Lifted)
        base = replace(lifted.schedule, a_layout="k_major", b_layout="k_major", descriptors=True, **TILE)
        plans = (base, replace(base, program_order="row_major", persistent=True, num_stages=3))
        jobs = []
        for schedule in plans:
            text = contraction.emit(request.source, lifted, (schedule,), docstring="Test.")
            assert isinstance(text, str)
            pack, main = launched(text)  # A lies across and is copied, B is read where it lies
            assert (pack.kernel, main.kernel) == ("matmul_kernel_pack", "matmul_kernel")
            origins = {a.parameter: a.origin for a in main.arguments if isinstance(a, TensorArgument)}
            assert (origins["a_desc"], origins["b_desc"]) == ("allocated:0", "input:1")
            jobs.append(
                BuildJob(
                    kernel="matmul_kernel",
                    ttir=main.ttir,
                    compute_capability=(9, 0),
                    num_warps=schedule.num_warps,
                    num_stages=schedule.num_stages,
                )
            )
        for schedule, build in zip(plans, build_many(jobs, pool=pool, cache=None), strict=True):
            assert isinstance(build, Build)
            assert build.spill_bytes == 0
            assert "HGMMA" in build.mix.loop
            assert "LDGSTS" not in build.mix.loop
            expected = guess(H200, contraction.work(lifted, schedule, lifted.launch)).shared_bytes
            assert build.shared_bytes == expected <= H200.shared_bytes_per_block
