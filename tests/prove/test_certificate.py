"""A certificate can be read back, is refused once changed, and holds all that repeating it takes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.errors import InputError
from tilewright.prove.certificate import read_certificate, render_certificate
from tilewright.prove.reference import verified_file
from tilewright.prove.verification import evidence
from tilewright.records.source import TensorSpec
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.records.verification import Claim, Verification

CHECK = Check(
    name="value",
    dtype="fp32",
    shapes=((3, 4), ()),
    distribution="normal",
    error=0.5,
    bound=0.0,
    original_error=None,
    passed=False,
    detail="output is 1, exactly 2",
)
CLAIM = Claim(
    candidate=verified_file("kernel.py", "# né\nclass ModelNew: ...\n", 7),
    reference=verified_file("reference.py", "class Model: ...\n"),
    precision="same",
    inputs=(
        TensorSpec(name="x", dtype="f32", shape=(3, 4), strides=(1, 3)),
        TensorSpec(name="n=2", dtype="python", shape=()),
    ),
    init_arguments=(4, (1, 2), None, "same", 0.5, True),
    dtypes=("fp16", "bf16"),
    uncompilable_dtypes=("bf16",),
)
VERIFICATION = Verification(
    claim=CLAIM,
    verdict=Verdict(status=Status.REFUTED, checks=(CHECK,), reason="output is 1, exactly 2 (ragged)", seed=2**63),
    evidence=CHECK,
    seeds=(2**63,),
    timeout_s=12.5,
)


def write(folder: Path, form: dict[str, Any] | str) -> str:
    path = folder / "c.json"
    path.write_text(form if isinstance(form, str) else json.dumps(form), encoding="utf-8")
    return str(path)


def rehashed(form: dict[str, Any]) -> dict[str, Any]:
    """The form with a hash that fits, made from the description in docs/json.md."""
    body = {key: value for key, value in form.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return {**body, "sha256": hashlib.sha256(text.encode()).hexdigest()}


@pytest.fixture
def form() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(render_certificate(VERIFICATION))
    return result


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    found = read_certificate(write(tmp_path, render_certificate(VERIFICATION)))
    assert found.claim == CLAIM
    assert (found.status, found.seed, found.timeout_s) == (Status.REFUTED, 2**63, 12.5)


def test_one_that_says_no_architecture_is_read_too(form: dict[str, Any], tmp_path: Path) -> None:
    del form["architecture"]
    assert read_certificate(write(tmp_path, rehashed(form))).claim == CLAIM


def test_what_the_code_was_compiled_for_is_said() -> None:
    made = replace(VERIFICATION, device="NVIDIA H200", architecture="sm_89")
    assert json.loads(render_certificate(made))["architecture"] == "sm_89"


def test_the_hash_is_the_documented_one(form: dict[str, Any]) -> None:
    assert rehashed(form) == form


def test_the_candidate_may_lie_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path, render_certificate(VERIFICATION))
    moved = verified_file("elsewhere.py", CLAIM.candidate.text)
    assert read_certificate(path, candidate=moved).claim == replace(CLAIM, candidate=moved)
    with pytest.raises(InputError, match=r"other\.py: not the candidate of .*: its SHA-256 begins"):
        read_certificate(path, candidate=verified_file("other.py", "class ModelNew: pass\n"))


CHANGES: list[Any] = [
    pytest.param(("verdict", "status"), "proved", id="verdict"),
    pytest.param(("verdict", "checks", 0, "error"), 0.25, id="figure"),
    pytest.param(("candidate", "text"), "class ModelNew: pass\n", id="text"),
    pytest.param(("inputs", 0, "shape", 1), 5, id="shape"),
    pytest.param(("seeds", 0), 1, id="seed"),
    pytest.param(("sha256",), "0" * 64, id="hash"),
    pytest.param(("sha256",), None, id="no hash"),
    pytest.param(("new",), 1, id="new key"),
]


@pytest.mark.parametrize(("place", "value"), CHANGES)
def test_a_changed_certificate_is_refused(
    place: tuple[str | int, ...], value: object, form: dict[str, Any], tmp_path: Path
) -> None:
    inner: Any = form
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(InputError, match=r"c\.json: changed after it was written"):
        read_certificate(write(tmp_path, form))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schema": 2}, r"certificate of schema 2; this version reads 1"),
        ({"kind": "verification"}, r"no certificate; "),
        ({"reference": None}, r"not a complete certificate .*a file is missing"),
        ({"candidate": None}, r"not a complete certificate .*a file is missing"),
        ({"inputs": [{"name": "x"}]}, r"not a complete certificate .*dtype"),
        (
            {"inputs": [{"name": "x", "dtype": "f32", "shape": [-1], "strides": None}]},
            "not a complete .*an input of shape",
        ),
        ({"inputs": [{"name": "x", "dtype": "f31", "shape": [1], "strides": None}]}, "not a complete .*f31"),
        (
            {"inputs": [{"name": "n=two", "dtype": "python", "shape": [], "strides": None}]},
            "not a complete .*value n=two",
        ),
        ({"init_arguments": [{}]}, "not a complete .*a dict"),
        ({"precision": "loose"}, r"not a complete certificate .*precision"),
        ({"dtypes": ["int3"]}, r"not a complete certificate .*dtype"),
        ({"seeds": []}, r"not a complete certificate"),
        ({"seeds": [-1]}, r"not a complete certificate .*seed"),
        ({"seeds": [True]}, r"not a complete certificate .*seed"),
        ({"timeout_s": 0}, r"not a complete certificate .*time limit"),
        ({"verdict": {"status": "fine"}}, r"not a complete certificate .*fine"),
    ],
)
def test_one_whose_hash_fits_must_still_make_sense(
    changes: dict[str, Any], expected: str, form: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"c\.json: {expected}"):
        read_certificate(write(tmp_path, rehashed({**form, **changes})))


def test_a_text_that_does_not_fit_its_own_hash(form: dict[str, Any], tmp_path: Path) -> None:
    form["reference"]["text"] = "class Model: pass\n"
    with pytest.raises(InputError, match=r"the text of reference\.py does not fit its hash"):
        read_certificate(write(tmp_path, rehashed(form)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no certificate"),
        ("{}", "no certificate"),
        ("[" * 99999, "not JSON"),
    ],
)
def test_a_file_that_is_no_certificate(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"c\.json: {expected}; "):
        read_certificate(write(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.json: cannot be read: no such file"):
        read_certificate(str(tmp_path / "nowhere.json"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(key=st.sampled_from(sorted(json.loads(render_certificate(VERIFICATION)).keys() - {"sha256"})), value=_JSON)
def test_whatever_stands_in_it_only_input_errors_come_out(
    key: str, value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    form = rehashed({**json.loads(render_certificate(VERIFICATION)), key: value})
    path = write(tmp_path_factory.mktemp("certificates"), form)
    told = ""
    try:
        read_certificate(path)
    except InputError as error:
        told = str(error)
    assert "\n" not in told


def test_evidence_is_the_check_that_the_reason_reports() -> None:
    other = replace(CHECK, name="shape", detail="output is [3], not [4]")
    verdict = replace(VERIFICATION.verdict, checks=(other, CHECK))
    assert evidence(verdict) is CHECK
    assert evidence(replace(verdict, reason="output is [3], not [4] (ragged)")) is other
    assert evidence(replace(verdict, reason="unlike any")) is other
    assert evidence(replace(verdict, status=Status.UNDECIDED)) is None
