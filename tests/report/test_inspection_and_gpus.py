from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tilewright import targets
from tilewright.errors import UnknownGpuError
from tilewright.records.build import Build
from tilewright.records.trial import Inspection, Run
from tilewright.report import inspection_info, render_text, show_gpu, show_gpus, show_inspection
from tilewright.report.inspection_info import copy_widths
from tilewright.report.section import Line


def test_every_launch_has_a_section_with_its_machine_facts(
    several: Run, inspection_of: Callable[[Run], Inspection]
) -> None:
    report = inspection_info(inspection_of(several))
    assert [section.about for section in report.sections][1:] == [
        "matmul, launched in line 62, launch 1 of 3",
        "row_max, launched in line 62, launch 2 of 3",
        "row_sum, launched in line 62, launch 3 of 3",
    ]
    said = {part.label: part.text for part in report.sections[1].parts if isinstance(part, Line) and part.label}
    assert said["main loop"].startswith("145 instructions: HMMA 64, LDS 64, LDGSTS 16, STG 1")
    assert said["traffic"].startswith("DRAM 600 MB (240 MB at least), L2 8 GB, shared memory 25 GB")
    assert said["floors"] == "l2 1,800 us, tensor 1,600 us, launch 2.5 us (predicted)"
    assert report.conclusion is not None
    assert report.conclusion.text == "3 launches, 3,000 us [2,400, 3,750] predicted"


def test_widths_of_global_copies(improved: Run) -> None:
    build = improved.analyses[0].build
    assert isinstance(build, Build)
    assert copy_widths(build.mix) == {"16 B": 12, "4 B": 4, "2 B": 1}
    bulk = replace(build.mix, loop_modifiers={"UTMALDG.2D": 2, "LDS.128": 9})
    assert copy_widths(bulk) == {"tile": 2}


def test_a_failed_build_is_shown_with_its_message(failing: Run, inspection_of: Callable[[Run], Inspection]) -> None:
    text = render_text(inspection_info(inspection_of(failing)), width=80)
    assert "asks for 131072 bytes" in text
    assert "1 of them does not build" in text


def test_no_launch_is_said(improved: Run, inspection_of: Callable[[Run], Inspection]) -> None:
    nothing = replace(inspection_of(improved), analyses=())
    conclusion = inspection_info(nothing).conclusion
    assert conclusion is not None
    assert (conclusion.label, conclusion.text) == ("NO LAUNCH", "forward() launched no kernel")


def test_show_inspection_writes_to_stdout(
    improved: Run, inspection_of: Callable[[Run], Inspection], capsys: pytest.CaptureFixture[str]
) -> None:
    show_inspection(inspection_of(improved))
    captured = capsys.readouterr()
    assert "LAUNCH  matmul" in captured.out
    assert captured.err == ""


def test_the_catalog_lists_every_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    show_gpus()
    out = capsys.readouterr().out
    assert all(name in out.split() for name in targets.names())


def test_one_gpu_has_a_source_for_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    show_gpu("4090")
    out = " ".join(capsys.readouterr().out.split())
    assert "dram_gb_per_s 1,008 GB/s" in out
    for fact in targets.gpu_facts("4090"):
        assert fact.field in out
        assert fact.value is None or fact.source.split()[0] in out


def test_an_unknown_gpu_is_an_input_error() -> None:
    with pytest.raises(UnknownGpuError):
        show_gpu("rtx9999")
