"""Equal dimensions that no check in the wrapper enforces, but that its launches give away."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tilewright.capture.hints import Hints
from tilewright.capture.search import Search
from tilewright.capture.shapes import Shapes
from tilewright.records.launch import ScalarArgument, TensorArgument

_STRIDE = re.compile(r"^(?:stride|s)_?([a-z])_?([a-z])$|^([a-z])_stride_([a-z])$")
"""``stride_bk``: tensor ``b``, dimension ``k``."""


def refine(search: Search, shapes: Shapes, names: Sequence[str], found: Hints) -> Shapes:
    """Shapes with the dimensions merged that belong together; each merge is kept only if forward still runs.

    Args:
        search: the search that found ``shapes``.
        shapes: with which forward runs.
        names: of the tensors.
        found: what the source says.
    """
    shapes = _merged(search, shapes, _unread(search, shapes, names, found))
    shapes = _merged(search, shapes, _by_stride_names(search, shapes))
    return _merged(search, shapes, _unobserved(search, shapes))


def _merged(search: Search, shapes: Shapes, pairs: list[tuple[int, int]]) -> Shapes:
    """``shapes`` with those pairs merged with which forward still runs."""
    for first, second in pairs:
        trial = shapes.copy()
        present = trial.in_use()
        if first in present and second in present and trial.merge(first, second) and search.attempt(trial):
            shapes = trial
    return shapes


def _unread(search: Search, shapes: Shapes, names: Sequence[str], found: Hints) -> list[tuple[int, int]]:
    """A tensor whose shape nothing reads has, as like as not, the shape of the first one that is read."""
    search.attempt(shapes)
    origins = {origin: key for key, origin in search.recorder.origins.items()}
    read = search.recorder.device.read
    rows = {}
    for index, position in enumerate(search.tensors):
        rows[index] = origins.get(f"input:{position}") in read
    first = next((index for index, was_read in rows.items() if was_read), None)
    if first is None:
        first = 0
    pairs: list[tuple[int, int]] = []
    for index, was_read in rows.items():
        hinted = names[index] in found.exact_ranks or found.least_ranks.get(names[index], 0) > 0
        same_rank = len(shapes.classes[index]) == len(shapes.classes[first])
        if not was_read and not hinted and same_rank and index != first:
            pairs.extend(zip(shapes.classes[first], shapes.classes[index], strict=True))
    return pairs


def _by_stride_names(search: Search, shapes: Shapes) -> list[tuple[int, int]]:
    """``stride_bk`` next to ``K``: the dimension of ``b`` with that stride has size ``K``."""
    search.attempt(shapes)
    pairs: list[tuple[int, int]] = []
    for note in search.recorder.notes:
        scalars = {each.parameter: each.value for each in note.arguments if isinstance(each, ScalarArgument)}
        sizes = {name.lower(): value for name, value in scalars.items() if not _STRIDE.match(name.lower())}
        tensors = {each.parameter.lower()[:1]: each for each in note.arguments if isinstance(each, TensorArgument)}
        for name, step in scalars.items():
            match = _STRIDE.match(name.lower())
            if match is None:
                continue
            letters = [each for each in match.groups() if each]
            tensor = tensors.get(letters[0])
            size = sizes.get(letters[1])
            if tensor is None or size is None or not tensor.origin.startswith("input:"):
                continue
            index = search.tensors.index(int(tensor.origin.removeprefix("input:")))
            dimensions = [at for at, each in enumerate(tensor.strides) if each == step]
            known = shapes.of_size(int(size))
            if len(dimensions) == 1 and len(tensor.shape) == len(shapes.classes[index]) and known:
                own = shapes.of_size(tensor.shape[dimensions[0]])
                pairs.extend((known[0], each) for each in own[:1] if each != known[0])
    return pairs


def _unobserved(search: Search, shapes: Shapes) -> list[tuple[int, int]]:
    """A size that reaches no kernel and no result must equal one that does.

    In a matrix it is the contracted one (in another input, but in no result); in tensors of a higher rank it is the
    one at the same place of the first tensor of that rank.
    """
    search.attempt(shapes)
    numbers: set[int | float] = set()
    results: set[int | float] = set()
    for note in search.recorder.notes:
        for each in note.arguments:
            if isinstance(each, TensorArgument):
                results.update(each.shape if each.origin.startswith("allocated:") else ())
            elif isinstance(each.value, int) and not _STRIDE.match(each.parameter.lower()):
                numbers.add(each.value)
    pairs: list[tuple[int, int]] = []
    for index, row in enumerate(shapes.classes):
        others = {each for other, theirs in enumerate(shapes.classes) if other != index for each in theirs}
        hidden = [each for each in row if shapes.sizes[each] not in numbers | results and each not in others]
        if len(row) == 2 and len(hidden) == 1:
            contracted = [each for each in others if shapes.sizes[each] in numbers - results]
            pairs.extend((each, hidden[0]) for each in contracted if len(contracted) == 1)
        elif len(row) > 2:
            first = next(theirs for theirs in shapes.classes if len(theirs) == len(row))
            pairs.extend((first[row.index(each)], each) for each in hidden if first is not row)
    return pairs
