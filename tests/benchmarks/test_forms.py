"""Which of the forms that people write contractions in are lifted, and what is said of the others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilewright import families, source, targets
from tilewright.capture import PRELOAD, capture
from tilewright.records.algorithm import Contraction, Opaque
from tilewright.workers import Worker

DATA = Path(__file__).parents[2] / "benchmarks/data"
FORMS: list[dict[str, Any]] = tomllib.loads((DATA / "forms.toml").read_text())["file"]
REFUSED = {
    "split_k_workspace": "a split of k whose parts are added up elsewhere",
    "row_sum_of_tiles": "reduces along n, of which each of its tiles holds a part",
    "relu_before": "computes on an operand before the product",
    "gated": "multiplies matrices in 2 places",
}


@pytest.fixture(scope="module")
def worker(shelf) -> Iterator[Worker]:
    with shelf.worker(preload=PRELOAD) as found:
        yield found


def test_manifest_names_every_form() -> None:
    assert {form["file"] for form in FORMS} == {path.name for path in (DATA / "forms").glob("*.py")}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["name"])
def test_lifted_or_refused_with_its_reason(form: dict[str, Any], worker: Worker) -> None:
    path = DATA / "forms" / form["file"]
    kernel_file = source.read_kernel_file(str(path), path.read_text())
    inputs = source.parse_inputs(form["inputs"])
    found = capture(kernel_file, target=targets.load("h200"), worker=worker, inputs=inputs)
    (launch,) = found.launches
    _, lifted = families.lift(launch)
    if form["name"] in REFUSED:
        assert isinstance(lifted.algorithm, Opaque)
        assert REFUSED[form["name"]] in " ".join(lifted.algorithm.reasons)
    else:
        assert isinstance(lifted.algorithm, Contraction), lifted.algorithm
