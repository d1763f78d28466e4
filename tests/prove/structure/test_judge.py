"""What the parent concludes from notes of a call, which may be forged, and from the text of a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.prove.structure import judge
from tilewright.records.source import KernelSource

NAMES = ("kernels ran", "torch compute", "patched", "threads", "streams", "tensor type")
LAUNCH = {"kernel": "k", "own": True, "count": 1}


def notes(**changed: Any) -> dict[str, Any]:
    quiet: dict[str, Any] = {"launches": [LAUNCH], "torch_ops": [], "patched": [], "threads": 0, "processes": 0}
    quiet |= {"streams": 0, "stream_names": [], "subclass": [], "events": {}, "atomics": False}
    return quiet | changed


def operation(op: str, total: int, *, factor: int = 1, workspace: bool = False) -> dict[str, Any]:
    return {"op": op, "elements": total, "total": total, "count": 1, "factor": factor, "workspace": workspace}


def failed(told: object, *, allowed: tuple[str, ...] = ()) -> dict[str, str]:
    facts = judge.structure_facts(told, input_elements=10_000, allowed_ops=allowed)
    assert tuple(fact.name for fact in facts[:6]) == NAMES
    return {fact.name: fact.detail for fact in facts if not fact.passed}


def test_a_quiet_call_with_a_launch_passes() -> None:
    assert failed(notes()) == {}


@pytest.mark.parametrize(
    ("changed", "name", "detail"),
    [
        ({"launches": []}, "kernels ran", "no kernel of the file"),
        (
            {"launches": [LAUNCH, {**LAUNCH, "kernel": "o", "own": False}]},
            "kernels ran",
            "another file was launched: o",
        ),
        ({"patched": ["torch.mm"]}, "patched", "torch.mm"),
        ({"threads": 2}, "threads", "2 threads"),
        ({"processes": 1}, "threads", "1 processes"),
        ({"streams": 1, "stream_names": ["torch.cuda.Stream"]}, "streams", "torch.cuda.Stream"),
        ({"subclass": ["Lazy"]}, "tensor type", "Lazy"),
        ({"events": {"open": 1}}, "system access", "open"),
    ],
)
def test_each_trick_has_its_name(changed: dict[str, Any], name: str, detail: str) -> None:
    refused = failed(notes(**changed))
    assert refused.keys() == {name}
    assert detail in refused[name]


@pytest.mark.parametrize(
    "work",
    [
        operation("aten::mm", 10_000),
        operation("aten::_softmax", 5_000),
        operation("aten::relu", 10_000),
        operation("aten::sum", 10_000, factor=100),
        operation("aten::sum", 10_000, factor=100, workspace=True),
        operation("aten::cumsum_", 9_000),
        operation("host::numpy", 4_000),
        operation("mine::anything", 4_000),
    ],
)
def test_work_of_a_kernel_is_refused_unless_the_original_does_it_too(work: dict[str, Any]) -> None:
    assert failed(notes(torch_ops=[work])).keys() == {"torch compute"}
    assert failed(notes(torch_ops=[work]), allowed=(work["op"],)) == {}


@pytest.mark.parametrize(
    "work",
    [
        operation("aten::sum", 80, factor=80, workspace=True),
        operation("aten::sum", 40_000, factor=4, workspace=True),
        operation("aten::div", 1),
        operation("aten::add_", 10_000),
        operation("aten::mm", 200),
        operation("aten::_local_scalar_dense", 3),
    ],
)
def test_finishing_touches_are_legitimate(work: dict[str, Any]) -> None:
    assert failed(notes(torch_ops=[work])) == {}


def test_many_small_pieces_are_a_large_whole() -> None:
    pieces = [operation(f"aten::{name}", 2_000) for name in ("mm", "bmm", "addmm")]
    assert failed(notes(torch_ops=pieces)).keys() == {"torch compute"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda item: st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=5), item, max_size=3),
    max_leaves=6,
)
KEYS = sorted(notes().keys() - {"atomics"})


@given(st.sampled_from(KEYS), JSON)
def test_a_forged_note_is_an_ordinary_one_or_refused(key: str, value: Any) -> None:
    if value == notes()[key] and type(value) is type(notes()[key]):
        return
    refused = failed(notes(**{key: value}))
    assert refused or (key == "streams" and value == 0)


@given(JSON)
def test_anything_but_notes_is_refused(value: Any) -> None:
    assert set(NAMES) <= failed(value).keys()
    assert judge.torch_ops(value) == frozenset()
    assert not judge.uses_atomics(value)
    assert value == [] or not judge.tensor_fact(value).passed or isinstance(value, list)


def test_the_operators_of_an_original_are_read() -> None:
    assert judge.torch_ops(notes(torch_ops=[operation("aten::mm", 3), {"op": 3}])) == {"aten::mm"}


HEADER = "import torch\nimport torch.nn as nn\nimport triton\nimport triton.language as tl\n\n"


def lint(text: str, original: str | None = None) -> list[str]:
    def source(body: str) -> KernelSource:
        return KernelSource(path="candidate.py", text=HEADER + body, kernels=())

    facts = judge.static_facts(source(text), None if original is None else source(original))
    assert {fact.name for fact in facts} == {"lint"}
    return [fact.detail for fact in facts if not fact.passed]


def test_lint_findings_become_facts_and_comments_silence_none() -> None:
    assert lint("x = 1\n") == []
    (detail,) = lint("torch.mm = None  # tilewright: ignore\n")
    assert detail.startswith("TW803 at line 6: ")
    assert "syntax" in lint("def (\n")[0]


def test_what_the_original_does_too_counts_only_where_it_changes_both() -> None:
    switch, reader = "torch.backends.cuda.matmul.allow_tf32 = True\n", "def run(x):\n    return open('x')\n"
    assert lint(switch, "\n\n" + switch) == []
    assert len(lint(reader, reader)) == 1
