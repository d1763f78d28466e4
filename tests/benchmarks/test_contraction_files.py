"""The generated files compute what they say: every form in the interpreter, some of them proved."""

from __future__ import annotations

from pathlib import Path

import pytest
from contraction_cases import Case, Shape
from contraction_files import compiled_file, input_file, reference_file, torch_file
from contraction_timing import SideBySide

import tilewright
from tilewright.prove.session import ENVIRONMENT
from tilewright.records.problem import Problem
from tilewright.timing import Call
from tilewright.workers import Worker

HERE = str(Path(__file__).parent)
SMALL = (
    Shape(name="small", m=70, n=50, k=90),
    Shape(name="thin", m=1, n=70, k=40),
    Shape(name="batch", m=40, n=70, k=50, batch=3),
    Shape(name="3d2d", m=30, n=70, k=50, batch=3, shared_b=True),
)
CASES = [
    Case(shape=shape, layout=layout, dtype=dtype, epilogue=epilogue)
    for shape in SMALL
    for layout in shape.layouts
    for dtype, epilogue in (("fp32", ""), ("fp16", "gelu"))
]
PROVED = [
    Case(shape=SMALL[0], layout="tt", dtype="fp16", epilogue="gelu"),
    Case(shape=SMALL[2], layout="nt", dtype="bf16"),
]
# TF32 keeps 10 bits as float16 does, and outputs have a spread of 1
WITHIN = {"fp32": 2e-2, "fp16": 2e-2}


def written(case: Case, folder: Path) -> Path:
    folder.mkdir()
    (folder / "input.py").write_text(input_file(case))
    (folder / "reference.py").write_text(reference_file(case))
    (folder / "torch.py").write_text(torch_file(case))
    return folder


def test_every_form_computes_the_reference() -> None:
    with Worker(environment={**ENVIRONMENT, "PYTHONPATH": HERE}, preload=("interpreted_job",)) as worker:
        folders = {case.name: written(case, worker.folder / case.name) for case in CASES}
        names = [str(folder) for folder in folders.values()]
        outcome = worker.call("interpreted_job:differences", {"folders": names}, timeout_s=300)
    assert outcome.kind == "returned", outcome
    for case in CASES:
        told = outcome.value[str(folders[case.name])]  # type: ignore[index,call-overload]
        shape = case.shape
        assert told["shape"] == [*([shape.batch] if shape.batch else []), shape.m, shape.n], case.name
        for name in ("input", "torch"):
            assert told[f"{name} is alike"], (case.name, name)
            assert told[name] <= WITHIN[case.dtype] * max(1.0, told["largest"]), (case.name, name, told)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in PROVED])
def test_some_are_proved(case: Case, tmp_path: Path) -> None:
    folder = written(case, tmp_path / case.name)
    found = tilewright.verify(
        str(folder / "input.py"), reference=str(folder / "reference.py"), precision="tolerance", timeout_s=120, seed=1
    )
    assert found.proved, found.verdict.reason


def test_they_are_timed_on_the_reference_s_inputs() -> None:
    case = Case(shape=SMALL[3], layout="nt", dtype="fp32", epilogue="gelu")
    call = Call(problem=Problem(inputs=case.inputs), reference=reference_file(case))
    with SideBySide(device="none", most_blocks=6) as bench:
        texts = {"input": input_file(case), "torch": torch_file(case)}
        found = bench.time(call, texts, seconds=0.1, limits_s={})
    assert [side.error for side in found.sides.values()] == ["", ""]
    assert found.notes == ()
    ratio = found.ratio("input", "torch")
    assert ratio is not None
    # an interpreter
    assert ratio.low > 1


def test_types_of_16_bits_have_one_input() -> None:
    texts = {input_file(Case(shape=SMALL[0], layout="nt", dtype=dtype)) for dtype in ("fp16", "bf16")}
    assert len(texts) == 1


def test_a_compiled_file_names_its_mode() -> None:
    text = compiled_file(CASES[0], "max-autotune")
    assert "torch.compile(contract, mode='max-autotune', dynamic=False)" in text
    compile(text, "compiled.py", "exec")
