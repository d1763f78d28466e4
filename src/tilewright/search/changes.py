"""Say what a plan changes, field by field, with what each change is predicted to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilewright.cost import estimate
from tilewright.families import Plan
from tilewright.families.contraction.layouts import all_placed
from tilewright.families.contraction.reductions import held_whole, stored_places
from tilewright.families.contraction.registers import REGISTERS
from tilewright.families.contraction.triangles import orders_text, skips
from tilewright.records.algorithm import Contraction
from tilewright.records.build import Build
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target
from tilewright.records.trial import Change
from tilewright.search.analyse import Analysed

ORDER_WORDS = {
    "grid_2d": "2-D grid, axis 0 walks m",
    "grid_2d_swapped": "2-D grid, axis 0 walks n",
    "row_major": "one axis, row by row",
    "column_major": "one axis, column by column",
    "grouped": "one axis, grouped rows",
    "custom": "the input's own order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Fields that read as one change."""

    name: str
    fields: tuple[str, ...]
    reason: str


_GROUPS = (
    _Group(
        name="program order",
        fields=("program_order", "group_m"),
        reason="which programs run together decides what they find in L2",
    ),
    _Group(name="split of K", fields=("split_k",), reason="more programs than tiles, so that idle SMs get work"),
    _Group(
        name="persistence", fields=("persistent",), reason="one program on each SM walks many tiles, and starts once"
    ),
    _Group(
        name="BLOCK_M, BLOCK_N, BLOCK_K",
        fields=("block_m", "block_n", "block_k"),
        reason="the tile decides registers, shared memory, and how often operands are read again",
    ),
    _Group(
        name="warps, stages",
        fields=("num_warps", "num_stages"),
        reason="warps hide latency; stages are tiles of shared memory on their way",
    ),
    _Group(name="pointers", fields=("pointers",), reason="advancing a pointer costs one addition a step"),
    _Group(name="masks", fields=("masks",), reason="a mask that cannot fail costs instructions for nothing"),
    _Group(
        name="operand layout",
        fields=("a_layout", "b_layout"),
        reason="rows that are contiguous and aligned are loaded 16 bytes at a time, by their tensor cores' own axis",
    ),
    _Group(
        name="descriptors",
        fields=("descriptors",),
        reason="the copy engine computes addresses and bounds, not the program's threads",
    ),
    _Group(
        name="operand dtype",
        fields=("operand_dtype",),
        reason="half the bytes and twice the rate; as many bits as TF32 keeps, and rounded",
    ),
)


def describe(schedule: Schedule) -> str:
    """One schedule in a few words: ``grouped order (8), 128x64x32, 4 warps, 3 stages``; no tile where none is known."""
    launch = f"{_counted(schedule.num_warps, 'warp')}, {_counted(schedule.num_stages, 'stage')}"
    if not schedule.block_m:
        swapped = schedule.program_order == "grid_2d_swapped"
        return f"grid axes swapped, {launch}" if swapped else launch
    order = f"{schedule.program_order} order"
    if schedule.program_order == "grouped":
        order += f" ({schedule.group_m})"
    parts = [order, f"{schedule.block_m}x{schedule.block_n}x{schedule.block_k}", launch]
    if schedule.split_k > 1:
        parts.append(f"K split {schedule.split_k} ways")
    if schedule.persistent:
        parts.append("persistent")
    layouts = (("A", schedule.a_layout), ("B", schedule.b_layout))
    parts += [f"{side} {_major(layout)}" for side, layout in layouts if layout != "as_is"]
    if schedule.descriptors:
        parts.append("descriptors")
    if schedule.operand_dtype:
        parts.append(f"operands narrowed to {schedule.operand_dtype}")
    return ", ".join(parts)


def _major(layout: str) -> str:
    """``k_major`` as people write it."""
    if layout == REGISTERS:
        return "through registers"
    return layout.replace("_", "-").capitalize()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def changes_of(analysed: Analysed, plan: Plan, target: Target) -> tuple[Change, ...]:
    """Every group of fields in which the plan differs from the input, each with its predicted effect alone.

    Steps of K that an emitted kernel skips come first, whatever its schedule.
    """
    before = analysed.lifted.schedule
    found = _skipping(analysed, target)
    for group in _GROUPS:
        values = [tuple(getattr(entry, field) for field in group.fields) for entry in plan]
        old = tuple(getattr(before, field) for field in group.fields)
        if all(value == old for value in values):
            continue
        found.append(
            Change(
                field=group.name,
                before=_value(group, before),
                after=_values(group, plan),
                reason=_reason(group, plan[0], batched=_batched(analysed)),
                predicted_ratio=_alone(analysed, group, plan, target),
            )
        )
    return tuple(found)


def _reason(group: _Group, entry: Schedule, *, batched: bool) -> str:
    if group.name == "program order":
        if entry.persistent or entry.split_k > 1:
            return "persistent and split programs are numbered along one axis"
        if entry.program_order == "grouped":
            return "programs that run together share rows of A and columns of B in L2"
        if batched:
            return "the second and third axis of a grid hold at most 65,535 programs; a batch may be larger"
    if group.name == "operand layout" and entry.b_layout == REGISTERS:
        return "A lies along K, and B need not: from registers the tensor cores take it as it lies"
    return group.reason


def _value(group: _Group, schedule: Schedule) -> str:
    if group.name == "program order":
        order = ORDER_WORDS.get(schedule.program_order, schedule.program_order)
        return f"{order} of {schedule.group_m}" if schedule.program_order == "grouped" else order
    return ", ".join(_plain(getattr(schedule, field)) for field in group.fields)


def _plain(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value) or "its own"


def _values(group: _Group, plan: Plan) -> str:
    values = list(dict.fromkeys(_value(group, entry) for entry in plan))
    return values[0] if len(values) == 1 else f"tuned over {len(values)}: " + "; ".join(values)


def _skipping(analysed: Analysed, target: Target) -> list[Change]:
    lifted, work = analysed.lifted, analysed.family.work
    if not isinstance(lifted.algorithm, Contraction) or not skips(lifted.algorithm):
        return []
    whole, short = (
        estimate(work(lifted, lifted.schedule, lifted.launch, as_input=as_input), target).time_us
        for as_input in (True, False)
    )
    change = Change(
        field="steps of K",
        before="all",
        after="those that count for the tile, most of them first",
        reason="a product with a zero beyond a triangle's diagonal adds nothing",
        predicted_ratio=whole / short if 0.0 < short < float("inf") else None,
    )
    return [change]


def _alone(analysed: Analysed, group: _Group, plan: Plan, target: Target) -> float | None:
    """Predicted gain of this group's fields alone, both sides from guessed registers and shared memory."""
    if not isinstance(analysed.lifted.algorithm, Contraction):
        return None
    base, launch = analysed.lifted.schedule, analysed.lifted.launch
    work = analysed.family.work(analysed.lifted, base, launch)
    before = estimate(work, target).time_us
    times = []
    for entry in plan:
        changed = replace(base, **{field: getattr(entry, field) for field in group.fields})
        times.append(estimate(analysed.family.work(analysed.lifted, changed, launch), target).time_us)
    best = min(times)
    return before / best if best not in (0.0, float("inf")) else None


def kernel_docstring(analysed: Analysed, plan: Plan) -> str:
    """The docstring of an emitted kernel: what it computes, what changed against the input, and why."""
    lines = [equation(analysed), ""]
    before, first = analysed.lifted.schedule, plan[0]
    if (first.program_order, first.group_m) != (before.program_order, before.group_m):
        lines.append(_order_sentence(first, batched=_batched(analysed)))
    if isinstance(analysed.lifted.algorithm, Contraction) and skips(analysed.lifted.algorithm):
        lines.append("Each tile walks only the steps of K that count for it; those with the most of them start first.")
    if first.split_k != before.split_k:
        lines.append(f"K is split {first.split_k} ways, since there are fewer tiles than multiprocessors.")
    if first.persistent != before.persistent:
        lines.append("One program on each multiprocessor, walking many tiles.")
    lines += _block_sentences(analysed, plan)
    lines += _layout_sentences(analysed, first)
    if first.pointers != before.pointers and first.pointers == "advanced" and not first.descriptors:
        lines.append("Pointers advance by one step of K instead of being computed anew.")
    if first.masks != before.masks and not first.descriptors:
        lines.append(
            "Masks that cannot fail are left out." if first.masks == "even_k" else "Rows and columns wrap round."
        )
    return "\n".join(lines).strip()


def equation(analysed: Analysed) -> str:
    """The Algorithm in one line."""
    algorithm = analysed.lifted.algorithm
    if not isinstance(algorithm, Contraction):
        return f"{algorithm.kernel}, as in the input."
    batch = ", ".join(algorithm.batch_axes)
    index = f"{batch}, " if batch else ""
    a, b = (_stem(operand.parameter) for operand in (algorithm.a, algorithm.b))
    out = ", ".join(
        f"{_stem(output.operand.parameter)}[{index}{', '.join(stored_places(output))}]" for output in algorithm.outputs
    )
    rest = "" if _is_plain(algorithm) else f", and {_epilogue_words(algorithm)}"
    kept = orders_text((*algorithm.a.orders, *algorithm.b.orders))
    kept = f" where {kept}" if kept else ""
    return f"{out} = sum over k of {a}[{index}m, k] * {b}[{index}k, n]{kept}{rest}."


def _epilogue_words(algorithm: Contraction) -> str:
    held = sorted(held_whole(algorithm))
    return f"an epilogue that reduces along {' and '.join(held)}" if held else "a pointwise epilogue"


def _stem(parameter: str) -> str:
    return parameter.removesuffix("_ptr").removesuffix("_desc")


def _is_plain(algorithm: Contraction) -> bool:
    from tilewright.records.algorithm import Accumulated, Apply

    def plain(value: object) -> bool:
        if isinstance(value, Apply) and value.operation == "cast":
            return plain(value.arguments[0])
        return isinstance(value, Accumulated)

    return all(plain(output.value) for output in algorithm.outputs)


def _batched(analysed: Analysed) -> bool:
    algorithm = analysed.lifted.algorithm
    return isinstance(algorithm, Contraction) and bool(algorithm.batch_axes)


def _order_sentence(schedule: Schedule, *, batched: bool) -> str:
    if schedule.program_order == "grouped":
        return (
            f"Tiles are walked in groups of {schedule.group_m} rows, so that neighbours in time share operands in L2."
        )
    if batched:
        return "Batch, rows and columns share the first grid axis: the other two hold at most 65,535 programs."
    words = ORDER_WORDS.get(schedule.program_order, schedule.program_order)
    return f"Program order: {words}."


_DESCRIBED = "Both go through tensor descriptors, which compute addresses and read zeros beyond the edges."
_NARROWED = (
    "Arithmetic: A and B are narrowed to float16, scaled by powers of two, with a fallback in the input's TF32.",
    "A second launch computes tiles again that an element goes into which does not keep TF32's 10 bits.",
)


def _layout_sentences(analysed: Analysed, schedule: Schedule) -> list[str]:
    """How operands are brought into their layouts, and how they are read."""
    before, algorithm = analysed.lifted.schedule, analysed.lifted.algorithm
    triangles, cast = set(), dict[str, str]()
    if isinstance(algorithm, Contraction):
        triangles = {side for side, operand in (("A", algorithm.a), ("B", algorithm.b)) if operand.orders}
        cast = {one.side.upper(): one.dtype for one in all_placed(algorithm, schedule) if one.is_cast}
    lines: list[str] = []
    if schedule.operand_dtype and not before.operand_dtype:
        lines += _NARROWED
        lines.append(f"The copies lie A {_major(schedule.a_layout)}, B {_major(schedule.b_layout)}.")
        if schedule.descriptors:
            lines.append(_DESCRIBED)
        return lines
    for side, layout, old in (
        ("A", schedule.a_layout, before.a_layout),
        ("B", schedule.b_layout, before.b_layout),
    ):
        if layout not in ("as_is", old):
            copied = "the tensor itself where it lies so, else a copy made first"
            copied = f"a copy made first, cast to {cast[side]} there and not in each tile" if side in cast else copied
            copied = "a copy made first, with zeros beyond its diagonal" if side in triangles else copied
            words = "N-major, through registers" if layout == REGISTERS else _major(layout)
            lines.append(f"{side} is read {words}: {copied}.")
    if schedule.descriptors and not before.descriptors:
        lines.append(_DESCRIBED)
    return lines


def _block_sentences(analysed: Analysed, plan: Sequence[Schedule]) -> list[str]:
    before = analysed.lifted.schedule
    tiles = {(one.block_m, one.block_n, one.block_k) for one in plan}
    old_tile = (before.block_m, before.block_n, before.block_k)
    old_text = "x".join(map(str, old_tile))
    lines = []
    if len(tiles) > 1:
        lines.append("BLOCK_* are tuned, at the same warps and stages throughout.")
    elif tiles != {old_tile}:
        lines.append(f"The tile is {'x'.join(map(str, next(iter(tiles))))}; it was {old_text}.")
    if tiles != {old_tile}:
        lines += _bound_sentence(analysed, old_text)
    launches = {(one.num_warps, one.num_stages) for one in plan}
    if len(launches) > 1:
        lines.append("Warps and stages are tuned, at the same BLOCK_* throughout.")
    elif launches != {(before.num_warps, before.num_stages)}:
        new, old = plan[0], before
        lines.append(
            f"{_counted(new.num_warps, 'warp')} and {_counted(new.num_stages, 'stage')}; it ran with {old.num_warps} "
            f"and {old.num_stages}."
        )
    return lines


_BOUND_WORDS = {
    "l2": "asked more of the L2 cache than of the tensor cores",
    "shared": "was bound by shared memory bandwidth",
    "issue": "was bound by issuing instructions",
    "latency": "waited for memory",
    "dram": "was bound by DRAM",
}


def _bound_sentence(analysed: Analysed, tile: str) -> list[str]:
    """What held the input's tile back on the target, where one sentence can say it."""
    build, predicted = analysed.analysis.build, analysed.analysis.estimate
    if not isinstance(build, Build) or predicted is None:
        return []
    fit = predicted.occupancy
    if fit.limited_by == "shared_memory" and fit.programs_per_sm <= 2:
        room = "one program" if fit.programs_per_sm == 1 else "two programs"
        return [f"{tile} took {build.shared_bytes:,} bytes of shared memory: room for {room} a multiprocessor."]
    words = _BOUND_WORDS.get(predicted.binds)
    return [f"{tile} {words}."] if words else []
