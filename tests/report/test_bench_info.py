from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tilewright.records.timing import Comparison, Decision, Interval
from tilewright.report import bench_info, comparison_line, render_comparison_text, show_comparison


def drawn(one: Comparison, width: int = 100) -> str:
    return render_comparison_text(one, baseline="a.py", candidate="b.py", width=width)


def test_the_decision_comes_first(slower: Comparison) -> None:
    text = drawn(slower)
    assert text.startswith("SLOWER  b.py against a.py\n")
    assert "the candidate is slower" in text
    assert "x0.971 [0.970, 0.973] baseline over candidate, from 54 pairs of calls" in text
    assert "1.25 %: a smaller difference does not count" in text


def test_every_time_stands_with_its_interval(slower: Comparison) -> None:
    text = drawn(slower)
    assert re.search(r"cold, caches flushed +2,612 us \[2,607, 2,617\] +2,690 us \[2,685, 2,696\]", text)
    assert re.search(r"as a CUDA graph, warm +2,588 us \[2,583, 2,593\] +-\n", text)
    assert "41.25 us [39.19, 43.31]" in text
    assert "autotuned before the clock started: matmul_kernel: BLOCK_M: 128, num_warps: 8" in text


@pytest.mark.parametrize("decision", Decision)
def test_no_ratio_is_bare(slower: Comparison, decision: Decision) -> None:
    one = replace(slower, decision=decision)
    assert drawn(one).startswith(decision.value.upper())
    for text in (drawn(one), comparison_line(one)):
        ratios = re.findall(r"x\d\.\d+", text)
        assert ratios
        assert len(re.findall(r"x\d\.\d+ \[\d\.\d+, \d\.\d+\]", text)) == len(ratios)


def test_what_the_gpu_did_is_shown(slower: Comparison) -> None:
    text = drawn(slower)
    assert "MEASURED ON  NVIDIA H200, driver 570.1" in text
    assert re.search(r"SM clock +1,965 MHz \[1,755, 1,980\]", text)
    assert re.search(r"power +not known", text)
    assert re.search(r"held down by +power limit \(software\), in 212 readings", text)
    assert "the candidate has no graph time: it waits" in text


def test_nothing_known_is_said_so(bare: Comparison) -> None:
    text = drawn(bare)
    assert "MEASURED ON  NVIDIA H200\n" in text
    assert "not known: NVML does not answer" in text
    assert [section.title for section in bench_info(bare, baseline="a", candidate="b").sections][-1] == "MEASURED ON"


def test_nothing_held_down(slower: Comparison) -> None:
    assert slower.conditions is not None
    calm = replace(slower, conditions=replace(slower.conditions, throttle_reasons=()))
    assert re.search(r"held down by +nothing, in 212 readings", drawn(calm))


def test_a_host_that_is_slower_than_its_device_is_said_so(slower: Comparison) -> None:
    said = "the host takes longer to issue a call than the device to run it"
    assert said not in drawn(slower)
    host = Interval(value=4000.0, low=3900.0, high=4100.0)
    assert said in drawn(replace(slower, candidate=replace(slower.candidate, host_us=host)))


def test_one_line_for_programs(slower: Comparison) -> None:
    assert comparison_line(slower) == "slower: x0.971 [0.970, 0.973]"
    crawling = replace(slower, ratio=Interval(value=0.00125, low=0.00124, high=0.00126))
    assert comparison_line(crawling) == "slower: x0.001250 [0.001240, 0.001260]"
    faster = replace(slower, decision=Decision.FASTER, ratio=Interval(value=12.5, low=12.25, high=12.75))
    assert comparison_line(faster) == "faster: x12.500 [12.250, 12.750]"


@pytest.mark.parametrize("width", [72, 100, 120])
def test_every_width_shows_every_word(slower: Comparison, width: int) -> None:
    assert max(map(len, drawn(slower, width).splitlines())) <= width
    assert set(drawn(slower, width).split()) == set(drawn(slower, 200).split())


def test_show_writes_to_stderr(slower: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(slower, baseline="a.py", candidate="b.py")
    written = capsys.readouterr()
    assert written.out == ""
    assert "SLOWER" in written.err
