"""What becomes of a process that is lost, shared or full, with a worker that only answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tilewright.errors import InputError, TimingError
from tilewright.records.problem import Problem
from tilewright.timing import Call, Timer
from tilewright.timing.channel import Channel, Failed
from tilewright.workers import Outcome

CALL = Call(problem=Problem(inputs=()))
READY = {"configurations": ["kernel: BLOCK: 64"], "waits": False, "call_us": 1000.0, "host_us": 50.0}
Answer = Callable[[str, Mapping[str, Any]], Any]


class Answering:
    """Stands for a Worker: answers as told, and keeps what it was asked."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.folder, self._answer = folder, answer
        self.pid: int | None = 1
        self._lives = 1
        self.asked: list[str] = []

    def call(self, job: str, arguments: Mapping[str, Any], *, timeout_s: float) -> Outcome:
        if self.pid is None:
            self._lives += 1
            self.pid = self._lives
        name = job.partition(":")[2]
        self.asked.append(name if name in ("describe", "begin") else f"{name} {arguments.get('name', '')}".strip())
        answer = self._answer(name, arguments)
        if isinstance(answer, Outcome):
            self.pid = None if answer.kind != "raised" else self.pid
            return answer
        return Outcome(kind="returned", value=answer)

    def restart(self) -> None:
        self.pid = None

    def close(self) -> None:
        raise AssertionError("a worker that was given belongs to whoever gave it")


def usual(job: str, arguments: Mapping[str, Any]) -> Any:
    if job == "measure":
        blocks = [
            {"us": [1000.0] * len(block["order"]), "ahead": True, "tuned": False} for block in arguments["blocks"]
        ]
        return {"blocks": blocks}
    return {
        "describe": {"name": "a GPU", "uuid": "6f1c", "versions": {"torch": "2.11"}},
        "begin": {"sets": 2, "notes": ["a note"]},
        "load": READY,
        "warm": {"called": []},
        "issue": {"us": [[50.0], [50.0]]},
        "replay": {"us": [[990.0], []], "reasons": ["", "it waits"], "spoiled": False},
        "forget": {},
    }[job]


@pytest.fixture
def channel(tmp_path: Path) -> Callable[..., tuple[Channel, Answering]]:
    def made(answer: Answer = usual, call: Call = CALL) -> tuple[Channel, Answering]:
        worker = Answering(tmp_path, answer)
        return Channel(call, device="none", seed=1, worker=worker), worker  # type: ignore[arg-type]

    return made


def failed(**changes: Any) -> dict[str, Any]:
    told = {"kind": "raised", "what": "ValueError: boo", "name": "", "line": None, "lost": False}
    return {"failed": told | changes}


def test_a_process_is_prepared_once(channel) -> None:
    one, worker = channel()
    first = one.load("a", timeout_s=1)
    assert one.load("a", timeout_s=1) == first
    machine = one.machine()
    assert (machine.name, machine.uuid, machine.sets, machine.notes) == ("a GPU", "6f1c", 2, ("a note",))
    assert worker.asked == ["describe", "begin", f"load {first.name}"]
    assert (worker.folder / f"timed_{first.name}.py").read_text() == "a"
    one.close()


@pytest.mark.parametrize("how", ["restarted", "crashed", "lost"])
def test_a_new_process_is_prepared_anew(channel, how: str) -> None:
    ends = {"crashed": Outcome(kind="crashed", message="gone"), "lost": failed(lost=True)}

    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        return ends[how] if job == "issue" else usual(job, arguments)

    one, worker = channel(answer)
    name = one.load("a", timeout_s=1).name
    if how == "restarted":
        one.restart()
    else:
        with pytest.raises(Failed):
            one.ask("issue", {}, timeout_s=1)
    one.load("a", timeout_s=1)
    assert [each for each in worker.asked if each != "issue"] == ["describe", "begin", f"load {name}"] * 2


def test_a_second_import_takes_over_the_choices_of_the_first(channel) -> None:
    told: list[Mapping[str, Any]] = []

    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        told.append(arguments)
        return usual(job, arguments)

    one, _ = channel(answer)
    second = one.load("a", copy=1, timeout_s=1)
    assert second.name.endswith("_1")
    assert [each["like"] for each in told[2:]] == [None, second.name[:-1] + "0"]


def test_what_was_not_asked_for_lately_makes_room(channel) -> None:
    one, worker = channel()
    names = [one.load(text, timeout_s=1).name for text in "abcd"]
    one.load("a", timeout_s=1)
    one.load("e", timeout_s=1)
    assert f"forget {names[1]}" in worker.asked
    assert f"forget {names[0]}" not in worker.asked


def test_whoever_uses_a_shared_process_prepares_it(channel, tmp_path: Path) -> None:
    one, worker = channel()
    other = Channel(CALL, device="none", seed=2, worker=worker)
    for each in (one, other, other, one):
        each.machine()
    assert worker.asked == ["describe", "begin"] * 3


@pytest.mark.parametrize(
    ("job", "answer", "said"),
    [
        pytest.param(
            "describe",
            Outcome(kind="raised", error_type="RuntimeError", message="no device"),
            "--device none: the device does not start: RuntimeError: no device",
            id="no device",
        ),
        pytest.param("describe", {"name": "x"}, "the worker's answer about the device is not usable", id="no answer"),
        pytest.param(
            "begin",
            failed(kind="out_of_memory", what="too large"),
            "the inputs cannot be made: too large",
            id="inputs too large",
        ),
        pytest.param(
            "begin",
            failed(line=9),
            "the inputs cannot be made at line 9 of the reference: ValueError: boo",
            id="reference",
        ),
    ],
)
def test_a_device_or_inputs_that_do_not_work_are_bad_input(channel, job: str, answer: Any, said: str) -> None:
    one, _ = channel(lambda asked, arguments: answer if asked == job else usual(asked, arguments))
    with pytest.raises(InputError) as caught:
        one.machine()
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("answer", "kind", "what"),
    [
        pytest.param(failed(line=3), "raised", "ValueError: boo", id="raised"),
        pytest.param(failed(kind="out_of_memory"), "out_of_memory", "ValueError: boo", id="memory"),
        pytest.param({"failed": {}}, "crashed", "the worker's answer is not usable", id="no failure"),
        pytest.param(None, "crashed", "the worker's answer is not usable", id="nothing"),
        pytest.param({**READY, "call_us": "fast"}, "crashed", "the worker tells of a time of 'fast' us", id="no time"),
        pytest.param(Outcome(kind="timed_out", message="too long"), "timed_out", "too long", id="hangs"),
    ],
)
def test_a_file_that_does_not_load(channel, answer: Any, kind: str, what: str) -> None:
    one, _ = channel(lambda asked, arguments: answer if asked == "load" else usual(asked, arguments))
    with pytest.raises(Failed) as caught:
        one.load("a", timeout_s=1)
    assert (caught.value.kind, caught.value.what) == (kind, what)


@pytest.mark.parametrize("guilty", ["baseline", "candidate", ""])
def test_who_took_the_process_along(tmp_path: Path, guilty: str) -> None:
    """Two files that crash together are run alone, to find out which of them does it."""
    texts = {"baseline": "a", "candidate": "b"}
    named: dict[str, str] = {}

    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        if job == "load":
            named[arguments["name"]] = Path(arguments["path"]).read_text()
        if job == "measure":
            running = [named[name] for name in arguments["names"]]
            if len(running) == 2 or running == [texts.get(guilty)]:
                return Outcome(kind="crashed", message="the worker was ended by SIGSEGV")
        return usual(job, arguments)

    timer = Timer(CALL, device="none", seed=1, worker=Answering(tmp_path, answer))  # type: ignore[arg-type]
    with pytest.raises(TimingError) as caught:
        timer.compare(texts["baseline"], texts["candidate"], limit_s=1.0, noise_floor=0.01)
    error = caught.value
    assert (error.file, error.kind) == (guilty, "crashed")
    assert str(error).startswith(f"the {guilty or 'baseline or the candidate'} cannot be timed: the worker was ended")


def test_a_graph_that_cannot_be_captured_costs_its_time_alone(tmp_path: Path) -> None:
    timer = Timer(CALL, device="none", seed=1, worker=Answering(tmp_path, usual))  # type: ignore[arg-type]
    found = timer.compare("a", "b", limit_s=5.0)
    assert found.baseline.graph_us is not None
    assert found.candidate.graph_us is None
    assert "the candidate has no graph time: it waits" in found.notes
    assert found.baseline.configurations == ("kernel: BLOCK: 64",)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((1.0, 1.0))


def test_a_process_that_a_failed_capture_spoiled_does_not_go_on(tmp_path: Path) -> None:
    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        return usual(job, arguments) | ({"spoiled": True} if job == "replay" else {})

    worker = Answering(tmp_path, answer)
    timer = Timer(CALL, device="none", seed=1, worker=worker)  # type: ignore[arg-type]
    for _ in range(2):
        timer.compare("a", "b", limit_s=5.0, noise_floor=0.01)
    assert worker.asked.count("describe") == 2


@pytest.mark.parametrize("state", ["late", "tuned"])
def test_blocks_that_never_count_end_in_an_error(tmp_path: Path, state: str) -> None:
    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        told = usual(job, arguments)
        for block in told.get("blocks", ()):
            block |= {"ahead": state != "late", "tuned": state == "tuned"}
        return told

    timer = Timer(CALL, device="none", seed=1, worker=Answering(tmp_path, answer))  # type: ignore[arg-type]
    (one,) = timer.screen("a", ["b"], limit_s=5.0)
    assert one.error in ("an autotuner runs in the timed calls", "the host is not ahead of the device")
    assert one.time_us is one.ratio is None


def test_files_are_compiled_together_but_those_that_tune_themselves(channel: Callable[..., Any]) -> None:
    asked: list[Mapping[str, Any]] = []

    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        asked.extend([arguments["paths"]] if job == "warm" else [])
        return usual(job, arguments)

    one, _ = channel(answer)
    loaded = one.load("a loaded file", timeout_s=1.0)
    one.warm(["a loaded file", "one", "two", "@triton.autotune"], timeout_s=1.0)
    (paths,) = asked
    assert len(paths) == 2
    assert loaded.name not in paths
    assert sorted(Path(path).read_text(encoding="utf-8") for path in paths.values()) == ["one", "two"]


def test_a_compilation_that_ends_the_process_is_told_by_the_file_that_ends_it(channel: Callable[..., Any]) -> None:
    def answer(job: str, arguments: Mapping[str, Any]) -> Any:
        return Outcome(kind="crashed", message="the worker died") if job == "warm" else usual(job, arguments)

    one, worker = channel(answer)
    one.warm(["one", "two"], timeout_s=1.0)
    assert one.load("one", timeout_s=1.0).call_us > 0
    assert worker.asked.count("begin") == 2
