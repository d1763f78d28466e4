"""Builds in real worker processes, side by side."""

import pytest

from tilewright.compiler import BuildJob, build_many
from tilewright.records.build import Build, BuildFailure

workers = pytest.importorskip("tilewright.workers")


def test_builds_in_worker_processes_keep_their_order_and_failures(ttir, tmp_path):
    text = ttir("add_f32")
    jobs = [
        BuildJob(kernel=f"k{n}", ttir=body, compute_capability=(8, 9), num_warps=warps, num_stages=3)
        for n, (body, warps) in enumerate(
            [(text, 2), (text.replace("arith.addf %x", "arith.addf %gone"), 4), (text, 8)]
        )
    ]
    with workers.Pool(2) as pool:
        narrow, broken, wide = build_many(jobs, pool=pool, cache=tmp_path, timeout_s=120)
    assert isinstance(narrow, Build)
    assert isinstance(wide, Build)
    assert [narrow.kernel, broken.kernel, wide.kernel] == ["k0", "k1", "k2"]
    assert [narrow.num_warps, wide.num_warps] == [2, 8]
    assert isinstance(broken, BuildFailure)
    assert broken.kind == "compile_error"
    assert broken.message.startswith("TTIR ")
    assert "undeclared SSA value" in broken.message
    assert len(list(tmp_path.rglob("*.json"))) == 2
