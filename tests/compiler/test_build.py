"""Builds for real, and what build_many makes of every way a worker can end."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tilewright.compiler import BuildJob, build_many, default_cache
from tilewright.compiler.mix import is_tensor_core
from tilewright.records.build import Build, BuildFailure, InstructionMix

ADA = (8, 9)
MODERN = [(8, 0), (8, 9), (9, 0), (10, 0), (12, 0)]


@dataclass(frozen=True)
class DirectOutcome:
    kind: str
    value: Any = None
    message: str = ""
    stderr_tail: str = ""


class DirectPool:
    """Takes arguments and gives values through JSON, as a worker does. Counts what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, object]] = []

    def map(self, job: str, arguments: Sequence[Mapping[str, object]], *, timeout_s: float) -> list[DirectOutcome]:
        module, _, name = job.partition(":")
        function = getattr(importlib.import_module(module), name)
        outcomes = []
        for keywords in arguments:
            self.calls.append(keywords)
            value = function(**json.loads(json.dumps(keywords)))
            outcomes.append(DirectOutcome(kind="returned", value=json.loads(json.dumps(value))))
        return outcomes


class AnsweringPool:
    """Gives one prepared outcome to every job."""

    def __init__(self, outcome: DirectOutcome) -> None:
        self.outcome = outcome
        self.calls: list[Mapping[str, object]] = []

    def map(self, job: str, arguments: Sequence[Mapping[str, object]], *, timeout_s: float) -> list[DirectOutcome]:
        self.calls.extend(arguments)
        return [self.outcome for _ in arguments]


@pytest.fixture
def pool() -> DirectPool:
    return DirectPool()


def job(ttir, compute_capability=ADA, *, kernel="k", warps=4, stages=3):
    return BuildJob(kernel=kernel, ttir=ttir, compute_capability=compute_capability, num_warps=warps, num_stages=stages)


def build_one(pool, *args, **kwargs):
    (result,) = build_many([job(*args, **kwargs)], pool=pool, cache=None)
    assert isinstance(result, Build), result
    return result


def test_the_reference_kernel_takes_the_shared_memory_that_the_profiler_saw(pool, ttir):
    build = build_one(pool, ttir("matmul_tt_f32"), kernel="matmul_kernel")
    assert build.shared_bytes == 65536
    assert build.kernel == "matmul_kernel"
    assert (build.compute_capability, build.num_warps, build.num_stages) == ((8, 9), 4, 3)
    assert 32 <= build.registers_per_thread <= 255
    assert build.mix.loop["HMMA"] > 0
    assert build.mix.loop["LDGSTS"] > 0
    assert not any(is_tensor_core(stem) for stem in build.mix.outside)
    assert sum(build.mix.loop.values()) == sum(build.mix.loop_modifiers.values())


@pytest.mark.parametrize("compute_capability", MODERN, ids=str)
def test_tensor_cores_stand_in_the_innermost_of_nested_loops(pool, ttir, compute_capability):
    build = build_one(pool, ttir("persistent_matmul_f16"), compute_capability)
    assert any(is_tensor_core(stem) for stem in build.mix.loop)
    assert "STG" not in build.mix.loop
    assert any(stem in build.mix.outside for stem in ("STG", "UTMASTG"))


def test_turing_multiplies_float32_on_the_ordinary_units(pool, ttir):
    build = build_one(pool, ttir("matmul_tt_f32"), (7, 5))
    assert build.mix.loop["FFMA"] > 0
    assert not any(is_tensor_core(stem) for stem in build.mix.loop)


def test_a_loop_without_tensor_cores(pool, ttir):
    build = build_one(pool, ttir("row_sum_f32"))
    assert build.mix.loop["LDG"] > 0
    assert "STG" not in build.mix.loop


def test_a_kernel_without_a_loop(pool, ttir):
    build = build_one(pool, ttir("add_f32"))
    assert build.mix.loop == {}
    assert build.mix.outside["LDG"] > 0
    assert build.shared_bytes == 0
    assert build.spill_bytes == 0


def test_spills_are_seen(pool, ttir):
    build = build_one(pool, ttir("persistent_matmul_f16"), (7, 5), warps=1)
    assert build.spill_bytes > 0
    assert build.mix.loop["LDL"] > 0


def test_without_instructions_all_but_the_mix_is_the_same(pool, ttir, tmp_path):
    whole = job(ttir("matmul_tt_f32"), kernel="matmul_kernel")
    short = replace(whole, instructions=False)
    full, bare = build_many([whole, short], pool=pool, cache=tmp_path)
    assert bare.mix == InstructionMix(loop={}, outside={}, loop_modifiers={})
    assert full.mix.loop
    assert replace(bare, mix=full.mix, content_hash=full.content_hash) == full
    assert build_many([short, whole], pool=AnsweringPool(DirectOutcome("crashed")), cache=tmp_path) == [bare, full]


def test_results_come_in_order_and_duplicates_are_built_once(pool, ttir):
    text = ttir("add_f32")
    moved = text.replace("tt.return", 'tt.return loc("/elsewhere/file.py":3:1)')
    jobs = [job(text, kernel="first"), job(text, warps=8), job(moved, kernel="moved")]
    first, wide, again = build_many(jobs, pool=pool, cache=None)
    assert len(pool.calls) == 2
    assert [first.kernel, wide.kernel, again.kernel] == ["first", "k", "moved"]
    assert [first.num_warps, wide.num_warps, again.num_warps] == [4, 8, 4]
    assert first.content_hash == again.content_hash != wide.content_hash


def test_no_jobs_start_no_worker(pool):
    assert build_many([], pool=pool, cache=None) == []
    assert pool.calls == []


def test_a_finished_build_is_not_made_again(pool, ttir, tmp_path):
    jobs = [job(ttir("add_f32"))]
    built = build_many(jobs, pool=pool, cache=tmp_path)
    later = DirectPool()
    assert build_many(jobs, pool=later, cache=tmp_path) == built
    assert later.calls == []
    assert build_many([job(ttir("add_f32"), stages=2)], pool=later, cache=tmp_path)
    assert len(later.calls) == 1


@pytest.mark.parametrize("damage", ["", "{", '"x"', "[]", '{"schema": 1}', "half", "other key", "other type"])
def test_a_damaged_entry_is_built_again_and_mended(pool, ttir, tmp_path, damage):
    jobs = [job(ttir("add_f32"))]
    built = build_many(jobs, pool=pool, cache=tmp_path)
    (entry,) = tmp_path.rglob("*.json")
    text = entry.read_text()
    fields = json.loads(text)
    if damage == "other key":
        damage = json.dumps({**fields, "key": "0" * 64})
    elif damage == "other type":
        damage = json.dumps({**fields, "build": {**fields["build"], "shared_bytes": "0"}})
    entry.write_text(text[: len(text) // 2] if damage == "half" else damage)
    answer = DirectOutcome(kind="returned", value={"build": fields["build"]})
    again = AnsweringPool(answer)
    assert build_many(jobs, pool=again, cache=tmp_path) == built
    assert len(again.calls) == 1
    assert json.loads(entry.read_text()) == fields
    assert not list(tmp_path.rglob(".new-*"))


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(pool, ttir, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    (result,) = build_many([job(ttir("add_f32"))], pool=pool, cache=blocked)
    assert isinstance(result, Build)


def test_another_compiler_than_the_keys_is_not_stored(pool, ttir, tmp_path):
    build_many([job(ttir("add_f32"))], pool=pool, cache=tmp_path)
    (entry,) = tmp_path.rglob("*.json")
    fields = json.loads(entry.read_text())["build"]
    entry.unlink()
    foreign = AnsweringPool(DirectOutcome(kind="returned", value={"build": {**fields, "ptxas_version": "0.0.1"}}))
    (result,) = build_many([job(ttir("add_f32"))], pool=foreign, cache=tmp_path)
    assert result.ptxas_version == "0.0.1"
    assert not list(tmp_path.rglob("*.json"))


def failure_of(outcome):
    (result,) = build_many([job("module {}")], pool=AnsweringPool(outcome), cache=None, timeout_s=7)
    assert isinstance(result, BuildFailure)
    assert (result.kernel, result.compute_capability) == ("k", ADA)
    assert "\n" not in result.message
    return result.kind, result.message


PASS_ERROR = """\
loc("/tmp/tilewright-x/kernel.ttir":7:11): error: operand #0 does not dominate this use
/tmp/tilewright-x/kernel.ttir:9:3: error: second thing
note: see current operation
"""


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(DirectOutcome("timed_out"), ("timed_out", "no binary after 7 s"), id="timed out"),
        pytest.param(
            DirectOutcome("crashed", message="exit -6", stderr_tail="noise\nLLVM ERROR: cannot select\n"),
            ("crashed", "LLVM ERROR: cannot select"),
            id="crashed",
        ),
        pytest.param(DirectOutcome("crashed", message="signal 11"), ("crashed", "signal 11"), id="crashed silently"),
        pytest.param(DirectOutcome("out_of_memory"), ("crashed", "the compiler ran out of memory"), id="out of memory"),
        pytest.param(DirectOutcome("raised", message="a\nb"), ("compile_error", "a b"), id="raised"),
        pytest.param(
            DirectOutcome(
                "returned",
                value={"failure": {"kind": "compile_error", "message": "PassManager::run failed"}},
                stderr_tail=PASS_ERROR,
            ),
            ("compile_error", "TTIR 9:3: second thing"),
            id="pass failed",
        ),
        pytest.param(
            DirectOutcome("returned", value={"failure": {"kind": "out_of_resources", "message": "tensor memory"}}),
            ("out_of_resources", "tensor memory"),
            id="out of resources",
        ),
    ],
)
def test_every_end_of_a_worker_becomes_a_failure_with_one_line(outcome, expected):
    assert failure_of(outcome) == expected


@pytest.mark.parametrize("value", [None, 3, [], {}, {"build": {}}, {"build": None}, {"failure": "no"}], ids=str)
def test_an_answer_that_is_no_build_is_a_failure(value):
    kind, message = failure_of(DirectOutcome("returned", value=value))
    assert kind == "crashed"
    assert "no build" in message


def test_text_that_is_no_ttir(pool, ttir):
    text = ttir("add_f32")
    (result,) = build_many([job(text[: len(text) // 2])], pool=pool, cache=None)
    assert isinstance(result, BuildFailure)
    assert result.kind == "compile_error"
    assert result.message


def test_options_that_the_compiler_refuses(pool, ttir):
    (result,) = build_many([job(ttir("add_f32"), warps=3)], pool=pool, cache=None)
    assert isinstance(result, BuildFailure)
    assert result.kind == "compile_error"
    assert "power of 2" in result.message


def test_default_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TILEWRIGHT_CACHE_DIR", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("TILEWRIGHT_CACHE_DIR")
    assert default_cache().name == "builds"
    assert "tilewright" in default_cache().parts


def test_a_gpu_that_the_tools_cannot_build_for_is_said_so() -> None:
    class NoPool:
        def map(self, job: str, arguments: object, *, timeout_s: float) -> list[object]:
            raise AssertionError("nothing is to be built")

    job = BuildJob(kernel="k", ttir="module {}", compute_capability=(7, 0), num_warps=4, num_stages=2)
    (failure,) = build_many([job], pool=NoPool(), cache=None)
    assert isinstance(failure, BuildFailure)
    assert failure.kind == "unsupported"
    assert failure.message.startswith("sm_70 is older than sm_75")
