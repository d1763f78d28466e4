"""Find inputs for a forward call about which nothing was said.

All dimensions start as different. Forward runs on tensors without memory, its comparisons of sizes are observed, and
when it fails, the sizes that it compared last (or that the error names) are made equal, until it runs to its end with
at least one launch. What the source says (see ``hints``) is tried first.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tilewright.capture import evidence, hints, model, sizes
from tilewright.capture.model import Refused, Stopped
from tilewright.capture.recorder import Recorder
from tilewright.capture.search import Search
from tilewright.capture.shapes import Shapes

_LISTED_SIZE = 64
_RANKS = (2, 3, 1, 4)
"""Ranks to try, the likeliest first."""
_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)
_SIZE_SETS = (
    tuple(128 * prime for prime in _PRIMES),
    tuple(2**power for power in range(7, 20)),
    (32, 64, 16, 128, 8, 256, 4, 512),
)
"""Sizes for the search: such as products do not hit by chance, powers of two, and small ones."""


def infer(made: Any, path: str, recorder: Recorder, grid_sizes: Mapping[str, int]) -> tuple[list[Any], tuple[str, ...]]:
    """Values for forward's parameters, and what was assumed about them, in plain words.

    Args:
        made: the model.
        path: the user's file.
        recorder: the active recorder.
        grid_sizes: kernel to number of programs, where the profiler saw it.

    Raises:
        Refused: no shapes were found with which forward runs.
    """
    parameters = [each for each in model.forward_parameters(made) if each.default is inspect.Parameter.empty]
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = [each for each in parameters if each.kind not in variadic]
    plain = {at: _PLAIN[kind] for at, each in enumerate(parameters) if (kind := _annotation(each)) in _PLAIN}
    tensors = tuple(at for at in range(len(parameters)) if at not in plain)
    search = Search(made, recorder, parameters, tensors, plain)
    found = hints.read(Path(path).read_text(encoding="utf-8"))
    names = [parameters[position].name for position in tensors]
    first_failure: Stopped | None = None
    for sizes_tried, ranks in itertools.product(_SIZE_SETS, list(_ranks(names, found))):
        shapes = _search_ranks(search, names, ranks, sizes_tried, found)
        first_failure = first_failure or search.failure
        if shapes is not None:
            shapes = evidence.refine(search, shapes, names, found)
            shapes, about_grid = sizes.choose(search, shapes, grid_sizes)
            return search.values(shapes), (_assumed(search, shapes, names), *about_grid)
        if search.spent():
            break
    why = "it launches no kernel" if first_failure is None else first_failure.message
    line = None if first_failure is None else first_failure.line
    what = f"no input shapes were found with which forward({', '.join(each.name for each in parameters)}) runs ({why})"
    raise Refused("source", line, what, "give --inputs or --reference")


_PLAIN: Mapping[str, Any] = {"int": 1, "float": 1.0, "bool": False}


def _annotation(parameter: inspect.Parameter) -> str:
    kind = parameter.annotation
    return kind if isinstance(kind, str) else getattr(kind, "__name__", "")


def _ranks(names: Sequence[str], found: hints.Hints) -> Iterator[tuple[int, ...]]:
    """Combinations of ranks, the likeliest first."""
    stated = {name: sorted(found.exact_ranks[name]) for name in names if found.exact_ranks.get(name)}
    for first, second in found.same_rank:
        known = stated.get(first) or stated.get(second)
        if known:
            stated.setdefault(first, known)
            stated.setdefault(second, known)
    likely = next(iter(stated.values()), [2])
    choices = []
    for name in names:
        least = found.least_ranks.get(name, 0)
        options = stated.get(name) or list(dict.fromkeys([*likely, *_RANKS]))
        fitting = [rank for rank in options if rank >= least]
        choices.append(fitting or [least])
    # combinations in which each tensor has one of its likely ranks come first
    yield from sorted(
        itertools.islice(itertools.product(*choices), 256),
        key=lambda ranks: sum(options.index(rank) for options, rank in zip(choices, ranks, strict=True)),
    )


def _search_ranks(
    search: Search, names: Sequence[str], ranks: tuple[int, ...], sizes_tried: Sequence[int], found: hints.Hints
) -> Shapes | None:
    """Shapes of these ranks with which forward runs."""
    plain = Shapes.distinct(ranks, sizes_tried)
    hinted = plain.copy()
    for (first, one), (second, other) in found.same_size:
        if first in names and second in names:
            left, right = hinted.at((names.index(first), one)), hinted.at((names.index(second), other))
            if left is not None and right is not None:
                hinted.merge(left, right)
    for (name, dimension), listed in found.allowed.items():
        which = hinted.at((names.index(name), dimension)) if name in names else None
        if which is not None:
            # of the sizes that the code lists, one that is large but not the extreme
            hinted.fix(which, max((size for size in listed if size <= _LISTED_SIZE), default=min(listed)))
    for start in (hinted, plain) if hinted != plain else (plain,):
        if (shapes := search.unify(start.copy())) is not None:
            return shapes
    return _merge_blindly(search, hinted)


def _merge_blindly(search: Search, start: Shapes) -> Shapes | None:
    """Try one merge that nothing suggested, and go on from there."""
    for first, second in itertools.combinations(start.in_use(), 2):
        if search.spent():
            return None
        shapes = start.copy()
        if shapes.merge(first, second) and (result := search.unify(shapes)) is not None:
            return result
    return None


def _assumed(search: Search, shapes: Shapes, names: Sequence[str]) -> str:
    parts = []
    values = dict(zip((each.name for each in search.parameters), search.values(shapes), strict=True))
    for name, value in values.items():
        if name in names:
            parts.append(f"{name} {str(value.dtype).removeprefix('torch.')} {list(value.shape)}")
        else:
            parts.append(f"{name} = {value!r}")
    return f"shapes not given: assumed {', '.join(parts)}"
