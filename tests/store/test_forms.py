"""What is kept comes back as it was: every record that a run asks for again."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tilewright import targets
from tilewright.records.build import Build, BuildFailure
from tilewright.records.launch import Capture, ConstexprArgument, ScalarArgument, TensorArgument
from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.schedule import Schedule
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.timing import Comparison, Screening
from tilewright.records.verdict import Verdict
from tilewright.store import forms


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A field that holds one of several records."""

    built: Build | BuildFailure
    perhaps: TensorArgument | ScalarArgument | ConstexprArgument | None


KINDS = (Verdict, Comparison, Screening, Profile, Schedule, Capture, Diagnosis, Several)


PLAIN = {int: st.integers(), float: st.floats(), str: st.text(max_size=5), bool: st.booleans(), type(None): st.none()}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Small values of a field's type."""
    arguments = get_args(hint)
    if get_origin(hint) in {Union, types.UnionType}:
        return st.one_of([values_of(one) for one in arguments])
    if get_origin(hint) is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if get_origin(hint) is tuple:
        return st.tuples(*(values_of(one) for one in arguments))
    if get_origin(hint) is Mapping:
        return st.dictionaries(st.text(max_size=3), values_of(arguments[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if is_dataclass(hint):
        return st.builds(hint, **{name: values_of(each) for name, each in get_type_hints(hint).items()})
    return PLAIN[hint]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=10, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate, Phase.shrink])
@given(data=st.data())
def test_a_record_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    """Compared as text, where nan equals itself and 0.0 is not -0.0."""
    record = data.draw(values_of(kind))
    text = forms.to_json(record)
    again = forms.from_json(kind, text)
    assert repr(again) == repr(record)
    assert forms.to_json(again) == text


def _no_such_word(word: str) -> float:
    raise AssertionError(f"{word} is not JSON")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), -0.0, 0.1 + 0.2, 5e-324, 1.0])
def test_every_float_is_kept_exactly_in_plain_json(value: float) -> None:
    profile = Profile(metrics={"kernel": {"metric": value}}, origin="ncu")
    text = forms.to_json(profile)
    json.loads(text, parse_constant=_no_such_word)
    assert repr(forms.from_json(Profile, text)) == repr(profile)


@pytest.mark.parametrize("name", targets.names())
def test_every_target_comes_back(name: str) -> None:
    target = targets.load(name)
    assert forms.from_json(Target, forms.to_json(target)) == target


def test_a_request_comes_back(prompt_request: Request) -> None:
    assert prompt_request.metrics
    assert forms.from_json(Request, forms.to_json(prompt_request)) == prompt_request


def test_a_digest_does_not_depend_on_order() -> None:
    one, two = ({"kernel": {"a": 1.0, "b": 2.0}}, {"kernel": {"b": 2.0, "a": 1.0}})
    digests = {forms.digest(Profile(metrics=metrics, origin="ncu")) for metrics in (one, two)}
    assert len(digests) == 1
    assert forms.digest(Profile(metrics=one, origin="file")) not in digests
