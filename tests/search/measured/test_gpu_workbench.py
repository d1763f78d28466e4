"""The workbench passes on what it is asked, and makes data of what fails; its processes are stood in for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from tilewright import targets
from tilewright.errors import TimingError
from tilewright.profiling import Profiler, ProfilerError
from tilewright.prove.verifier import Verifier
from tilewright.records.launch import Capture
from tilewright.records.profile import Profile
from tilewright.records.source import KernelSource, Request, TensorSpec
from tilewright.records.timing import Comparison, Decision, Interval, Screening, TimedFile
from tilewright.search.measured import GpuWorkbench, Untimed, gpu
from tilewright.search.measured.attempt import hash_of
from tilewright.stages import all_stages
from tilewright.timing import Timer

ONE = Interval(value=1.0, low=1.0, high=1.0)
FILE = TimedFile(sha256="", cold_us=ONE, warm_us=ONE, graph_us=None, host_us=None)
SAME = Comparison(
    baseline=FILE, candidate=FILE, decision=Decision.SAME, ratio=ONE, warm_ratio=ONE, noise_floor=0.01, pairs=24,
    versions={"torch": "2.11"},
)  # fmt: skip
TWO_KERNELS = KernelSource(path="kernel.py", text="the input", kernels=("first", "second"))
CAPTURE = Capture(launches=(), inputs=(TensorSpec(name="x", dtype="f32", shape=(4,)),), outputs=(), init_arguments=(3,))


class Stands:
    """What stands for the verifier, the timers and the profiler."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.verifier = create_autospec(Verifier, instance=True)
        self.timers = [create_autospec(Timer, instance=True) for _ in range(2)]
        self.profiler = create_autospec(Profiler, instance=True)
        self.profiler.unavailable = ""
        for timer in self.timers:
            timer.__enter__.return_value = timer
        made = create_autospec(Timer, side_effect=self.timers)
        monkeypatch.setattr(gpu, "Timer", made)
        monkeypatch.setattr(gpu, "Verifier", create_autospec(Verifier, return_value=self.verifier))
        monkeypatch.setattr(gpu, "Profiler", create_autospec(Profiler, return_value=self.profiler))


@pytest.fixture
def stands(monkeypatch: pytest.MonkeyPatch) -> Stands:
    return Stands(monkeypatch)


@pytest.fixture
def bench(stands: Stands, tmp_path: Path) -> Iterator[GpuWorkbench]:
    reference = tmp_path / "reference.py"
    reference.write_text("class Model: ...\ndef get_inputs(): ...\ndef get_init_inputs(): ...\n")
    made = GpuWorkbench(
        Request(source=TWO_KERNELS, reference_path=str(reference)),
        target=targets.load("h200"),
        version="0.1.0",
        precision="same",
        seed=5,
        sandbox="confined",
        allow_unsandboxed=False,
        say=lambda step: None,
    )
    with made:
        made.prepare(CAPTURE, ("bf16",))
        yield made


def test_nothing_is_timed_before_the_input_has_run(bench: GpuWorkbench, stands: Stands) -> None:
    order: list[str] = []
    stands.timers[0].screen.side_effect = lambda *_, **__: order.append("screen") or ()
    stands.verifier.prepare.side_effect = None
    bench.screen("a", ["b"], limit_s=5.0)
    assert stands.verifier.prepare.called
    assert order == ["screen"]


def test_a_failed_start_is_told_where_its_answer_is_needed(stands: Stands, bench: GpuWorkbench) -> None:
    bench._coming = None
    stands.verifier.verify.side_effect = RuntimeError("gone")
    with pytest.raises(RuntimeError, match="gone"):
        bench.prove("text")


def test_a_proof_is_of_the_claim_in_the_dtypes_asked_for(bench: GpuWorkbench, stands: Stands) -> None:
    bench.prove("text")
    bench.prove("text", dtypes=("fp16", "bf16"))
    plain, thorough = (call.args[0] for call in stands.verifier.verify.call_args_list)
    assert (plain.candidate.text, plain.original.text, plain.precision) == ("text", "the input", "same")
    assert (plain.inputs, plain.init_arguments) == (CAPTURE.inputs, CAPTURE.init_arguments)
    assert (plain.dtypes, plain.uncompilable_dtypes) == ((), ())
    assert (thorough.dtypes, thorough.uncompilable_dtypes) == (("fp16", "bf16"), ("bf16",))
    assert {call.kwargs["seed"] for call in stands.verifier.verify.call_args_list} == {5}


def test_a_comparison_says_the_version_and_is_confirmed_by_another_timer(bench: GpuWorkbench, stands: Stands) -> None:
    first, second = stands.timers
    first.compare.return_value = second.compare.return_value = SAME
    found = bench.compare("a", "b", limit_s=5.0)
    assert isinstance(found, Comparison)
    assert found.versions == {"tilewright": "0.1.0", "torch": "2.11"}
    bench.confirm("a", "b", limit_s=5.0)
    assert (first.compare.call_count, second.compare.call_count) == (1, 1)
    assert second.__exit__.called


def test_what_cannot_be_timed_is_data(bench: GpuWorkbench, stands: Stands) -> None:
    failed = TimingError("baseline", "crashed", "the worker died")
    stands.timers[0].compare.side_effect = stands.timers[0].screen.side_effect = failed
    assert bench.compare("a", "b", limit_s=5.0) == Untimed(reason=str(failed))
    assert list(bench.screen("a", ["b", "c"], limit_s=5.0)) == [
        Screening(sha256=hash_of(text), time_us=None, ratio=None, error=str(failed)) for text in "bc"
    ]


def test_metrics_of_all_stages_are_read_in_one_go(bench: GpuWorkbench, stands: Stands) -> None:
    bench.profile(TWO_KERNELS, all_stages())
    asked = stands.profiler.profile.call_args.kwargs["metrics"]
    assert asked[0] == "gpu__time_duration.sum"
    assert len(set(asked)) == len(asked)
    assert {threshold.metric for stage in all_stages() for threshold in stage.thresholds} <= set(asked)


def test_without_counters_several_kernels_are_weighted_by_their_times(bench: GpuWorkbench, stands: Stands) -> None:
    stands.profiler.unavailable = "no permission; ask an administrator"
    stands.profiler.times.return_value = times = Profile(metrics={}, origin="records")
    assert bench.profile(TWO_KERNELS, ()) is times
    bench.profile(TWO_KERNELS, ())
    assert bench.notes == ("no counters were read: no permission; ask an administrator",)
    assert not stands.profiler.profile.called


def test_a_profile_that_fails_is_a_note(bench: GpuWorkbench, stands: Stands) -> None:
    stands.profiler.profile.side_effect = ProfilerError("it crashed")
    stands.profiler.times.side_effect = ProfilerError("no times either")
    assert bench.profile(TWO_KERNELS, ()) is None
    assert bench.notes == ("no counters were read: it crashed", "no times either")
