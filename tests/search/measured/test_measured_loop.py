"""The measured loop on the seed's kernel, with a bench that answers from a table or by a law."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from measured_bench import INPUT_US, MeasuredBench, schedule_in

from tilewright import search, stages, targets
from tilewright.api.options import read_request
from tilewright.records.profile import Profile
from tilewright.records.timing import Screening
from tilewright.records.trial import Run
from tilewright.records.verdict import Status, Verdict
from tilewright.search.measured import Options, optimize_on
from tilewright.search.measured.clock import CONFIRMATION_S, POLISH_S, STAGE_S
from tilewright.store import NullLog, Store

SEED = str(Path(__file__).parents[3] / "examples/seed/prompt.txt")
FEW = Options(built=3, polish_rounds=1, limit_s=10_000.0)
Optimize = Callable[..., Run]


@pytest.fixture(scope="module")
def optimize() -> Iterator[Optimize]:
    """Runs stages against a bench; processes and builds are kept between the runs."""
    request, target = read_request(SEED, gpu="h200", metrics=None, reference=None, inputs=None)
    with search.Session(target, interprets=False) as session:

        def call(
            bench: MeasuredBench,
            *names: str,
            options: Options = FEW,
            log: NullLog | None = None,
            on_run: Callable[[Run], None] = lambda run: None,
        ) -> Run:
            session.log = log or NullLog()
            chosen = tuple(stages.get(name) for name in names) or stages.all_stages()
            return optimize_on(request, stages=chosen, session=session, bench=bench, options=options, on_run=on_run)[0]

        yield call


def law(text: str) -> float:
    """Times that large tiles and deep pipelines make short."""
    key = schedule_in(text)
    if key is None:
        return INPUT_US
    block_m, block_n, _, _, stages_deep = key
    return INPUT_US * (64 * 64 / (block_m * block_n)) ** 0.3 * (1.0 - 0.05 * (stages_deep - 3))


@pytest.fixture(scope="module")
def whole(optimize: Optimize) -> tuple[Run, MeasuredBench]:
    """All stages and the polish."""
    bench = MeasuredBench()
    bench.time_us = law  # type: ignore[method-assign]
    return optimize(bench, options=replace(FEW, built=2)), bench


def test_the_stages_come_in_their_order_and_the_polish_last(whole: tuple[Run, MeasuredBench]) -> None:
    measured = whole[0].measured
    assert measured is not None
    assert [one.stage for one in measured.stages] == [*(stage.name for stage in stages.all_stages()), "polish"]
    assert all(one.reason for one in measured.stages)


def test_every_acceptance_was_proved_and_clears_the_noise_floor(whole: tuple[Run, MeasuredBench]) -> None:
    run, bench = whole
    assert run.measured is not None
    accepted = [one for one in run.measured.stages if one.outcome == "accepted"]
    assert accepted
    for outcome in accepted:
        assert outcome.comparison is not None
        assert outcome.comparison.ratio.low > 1.0 + outcome.comparison.noise_floor
    compared = {candidate for _, candidate in bench.compared}
    assert compared <= {candidate for candidate, _ in bench.proofs}


def test_the_winner_is_proved_in_every_dtype_and_confirmed_against_the_input(whole: tuple[Run, MeasuredBench]) -> None:
    run, bench = whole
    assert run.winner is not None
    assert run.measured is not None
    assert run.measured.comparison is not None
    text = run.winner.candidate.text
    assert (text, ("fp32", "fp16", "bf16")) in bench.proofs
    assert bench.compared[-1] == (run.request.source.text, text)
    assert run.measured.comparison.ratio.value == pytest.approx(INPUT_US / law(text))


def test_no_file_is_timed_twice(whole: tuple[Run, MeasuredBench]) -> None:
    assert len(set(whole[1].screened)) == len(whole[1].screened)


def test_no_file_is_profiled_twice(whole: tuple[Run, MeasuredBench]) -> None:
    assert len(set(whole[1].profiled)) == len(whole[1].profiled)


def test_trials_hold_what_was_measured(whole: tuple[Run, MeasuredBench]) -> None:
    run, bench = whole
    assert len(run.trials) == len(bench.screened) - 1  # the input is looked at too, and is no candidate
    assert all(trial.screening is not None and trial.stage for trial in run.trials)
    assert [trial.at_s for trial in run.trials if trial.verdict is None] == sorted(
        trial.at_s for trial in run.trials if trial.verdict is None
    )


def test_what_was_accepted_is_among_the_trials_and_the_output_is_diagnosed(whole: tuple[Run, MeasuredBench]) -> None:
    run = whole[0]
    assert run.accepted
    assert set(map(id, run.accepted)) <= set(map(id, run.trials))
    assert run.measured is not None
    assert "matmul_kernel" in [one.kernel for one in run.measured.diagnoses_after]


def test_a_stage_changes_only_what_it_owns(whole: tuple[Run, MeasuredBench]) -> None:
    run = whole[0]
    known = {stage.name: stage for stage in stages.all_stages()}
    base = run.analyses[0].schedule
    assert base is not None
    for trial in run.trials:
        if trial.stage in ("grid_and_parallel",):
            (schedule,) = trial.candidate.schedules
            owned = {name: getattr(base, name) for name in known[trial.stage].fields}
            assert replace(schedule, **owned) == base


def test_a_candidate_that_is_not_proved_is_not_taken(optimize: Optimize) -> None:
    refuted = Verdict(status=Status.REFUTED, checks=(), reason="value: C differs at (0, 0)")
    bench = MeasuredBench(unknown_us=500.0, verdict_of=lambda text: refuted)
    run = optimize(bench, "block_tiling")
    assert run.winner is None
    assert "C differs at (0, 0)" in run.reason
    assert len(bench.proofs) == FEW.proofs
    assert not bench.compared


def test_a_file_that_is_wrong_in_another_dtype_is_dropped_for_the_one_before(optimize: Optimize) -> None:
    wrong = Verdict(status=Status.REFUTED, checks=(), reason="fp16: value: C overflows")
    right = Verdict(status=Status.PROVED, checks=(), reason="")
    bench = MeasuredBench(unknown_us=500.0)
    thorough: list[str] = []

    def prove(candidate: str, *, dtypes: tuple[str, ...] = ()) -> object:
        found = MeasuredBench.prove(bench, candidate, dtypes=dtypes)
        thorough.extend([candidate] if dtypes else [])
        return replace(found, verdict=wrong if dtypes and len(thorough) == 1 else right)

    bench.prove = prove  # type: ignore[method-assign, assignment]
    # every new tile is faster than the input, and every depth faster than that
    bench.time_us = lambda text: 2611.0 if schedule_in(text) is None else 1500.0 / schedule_in(text)[-1]  # type: ignore[index, method-assign]
    run = optimize(bench, "block_tiling", "memory_access", options=replace(FEW, polish_rounds=0))
    assert run.winner is not None
    assert len(thorough) == 2
    assert run.winner.candidate.text == thorough[1]
    assert run.winner.stage == "block_tiling"
    assert any("fp16" in refusal.reason for refusal in run.refusals)


def test_equal_times_leave_the_input_as_it_is(optimize: Optimize) -> None:
    run = optimize(MeasuredBench(times={}, unknown_us=INPUT_US), "block_tiling")
    assert run.winner is None
    assert run.measured is not None
    assert run.measured.stages[0].outcome in ("kept", "reverted")
    assert "[" in run.reason  # the interval of the best that was measured


def test_a_gain_that_a_new_process_does_not_see_is_none(optimize: Optimize) -> None:
    run = optimize(MeasuredBench(unknown_us=500.0, confirms=False), "block_tiling")
    assert run.winner is None
    assert run.reason.startswith("in a new process the best file was not faster")


def test_nothing_is_begun_when_the_time_is_over(optimize: Optimize) -> None:
    bench = MeasuredBench(unknown_us=500.0)
    run = optimize(bench, "block_tiling", options=replace(FEW, limit_s=0.0))
    assert run.winner is None
    assert run.reason == "block_tiling: the run's time is over"
    assert len(bench.screened) == 1


def test_short_of_time_the_stages_leave_it_to_the_search_over_all_fields(optimize: Optimize) -> None:
    options = replace(FEW, precision="same", limit_s=CONFIRMATION_S + POLISH_S + 0.5 * STAGE_S)
    run = optimize(MeasuredBench(), options=options)
    assert run.measured is not None
    *stages_before, polish = run.measured.stages
    assert {one.outcome for one in stages_before} == {"skipped"}
    assert "which the search over all fields together takes" in stages_before[0].reason
    assert (polish.stage, polish.outcome) == ("polish", "accepted")
    assert run.winner is not None
    schedule = run.winner.candidate.schedules[0]
    assert (schedule.block_m, schedule.block_n, schedule.descriptors) == (128, 256, True)


def test_where_nothing_can_be_run_the_polish_goes_on_with_the_next_best(optimize: Optimize) -> None:
    bench, looks = MeasuredBench(unknown_us=500.0), list[int]()
    times = bench.screen

    def screen(baseline: str, candidates: Sequence[str], *, limit_s: float) -> Sequence[Screening]:
        looks.append(len(candidates))
        found = times(baseline, candidates, limit_s=limit_s)
        first = baseline != candidates[0] and len(looks) == 2
        return [replace(one, time_us=None, ratio=None, error="lost") for one in found] if first else found

    bench.screen = screen  # type: ignore[method-assign]
    limit_s = CONFIRMATION_S + POLISH_S + 0.5 * STAGE_S
    run = optimize(bench, options=replace(FEW, built=4, polish_rounds=2, precision="same", limit_s=limit_s))
    assert run.winner is not None
    assert run.winner.stage == "polish"
    assert len(looks) == 3
    assert any("lost" in refusal.reason for refusal in run.refusals)


def test_near_the_roofline_no_stage_is_entered(optimize: Optimize) -> None:
    bench = MeasuredBench()
    bench.time_us = lambda text: 280.0  # type: ignore[method-assign]
    run = optimize(bench, "block_tiling")
    assert run.measured is not None
    assert run.measured.floor_us == pytest.approx(2 * 2048 * 4096 * 8192 / targets.load("h200").tf32_tflops / 1e6)
    assert "of what the roofline allows" in run.reason


def test_the_roofline_of_narrowed_operands_counts_where_a_stage_may_narrow_them(optimize: Optimize) -> None:
    for precision, enters in (("no-worse", True), ("same", False)):
        bench = MeasuredBench()
        bench.time_us = lambda text: 280.0  # type: ignore[method-assign]
        run = optimize(bench, "advanced_memory", options=replace(FEW, precision=precision, built=2))
        assert (len(bench.screened) > 1) is enters
        assert ("of what the roofline allows" in run.reason) is not enters


def test_a_stage_whose_metrics_are_healthy_is_skipped(optimize: Optimize) -> None:
    metrics = {"matmul_kernel": {"sm__warps_active.avg.pct_of_peak_sustained_active": 90.0}}
    bench = MeasuredBench(profile_of=lambda source: Profile(metrics=metrics, origin="bench"))
    run = optimize(bench, "block_tiling")
    assert run.measured is not None
    assert run.measured.stages[0].outcome == "skipped"
    assert "measured where it should be" in run.measured.stages[0].reason


def test_the_finalists_become_a_list(optimize: Optimize) -> None:
    bench = MeasuredBench(unknown_us=900.0)
    run = optimize(bench, "block_tiling", options=replace(FEW, autotune=True))
    assert run.winner is not None
    assert len(run.winner.candidate.schedules) >= 2
    assert "triton.autotune" in run.winner.candidate.text
    assert (run.winner.candidate.text, ("fp32", "fp16", "bf16")) in bench.proofs


def test_a_run_that_goes_on_measures_and_proves_nothing_again(optimize: Optimize, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs.db")
    first, second = MeasuredBench(unknown_us=900.0), MeasuredBench(unknown_us=100.0)
    with store.begin({"path": "kernel.py"}, versions={}) as log:
        name = log.id
        whole = optimize(first, "block_tiling", log=log)
    with store.resume(name) as log:
        again = optimize(second, "block_tiling", log=log)
    assert (second.screened, second.proofs, second.compared) == ([], [], [])
    assert whole.winner is not None
    assert again.winner is not None
    assert again.winner.candidate.text == whole.winner.candidate.text
    assert again.measured is not None
    assert whole.measured is not None
    assert again.measured.comparison == whole.measured.comparison


def test_a_file_is_told_as_soon_as_it_is_taken(optimize: Optimize) -> None:
    told: list[Run] = []
    bench = MeasuredBench(unknown_us=900.0)
    run = optimize(bench, "block_tiling", on_run=told.append)
    assert run.winner is not None
    first = next(one for one in told if one.winner is not None)
    assert first.measured is not None
    assert first.measured.stages == ()  # the stage has not ended yet
    assert first.winner is not None
    assert first.winner.candidate.text == run.winner.candidate.text
    assert first.reason == "the run has not come to its end"
