"""Which tile a program computes: the kernel's side (``tl.program_id``) and the launch's side (``grid``) together.

Both are written from the same few rules, so that a grid and its program ids cannot disagree:

* ``grid_2d`` and ``grid_2d_swapped``: one axis for tile rows, one for tile columns; batch or split on the third.
* the flattened orders: one axis for all tiles, the batch as its slowest coordinate (that axis alone has no limit of
  65535); the split on an axis of its own.
* persistent: as many programs as SMs, each walking every so-manieth tile of a flattened order.
"""

from __future__ import annotations

from collections.abc import Mapping

from tilewright.families.contraction.emit_text import Lines, Names, factor, substitute
from tilewright.families.contraction.triangles import last_first
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule

FLATTENED = ("row_major", "column_major", "grouped")
"""Program orders that use one grid axis for all tiles."""


def write_tile_index(
    lines: Lines, algorithm: Contraction, schedule: Schedule, names: Names, *, walks_k: bool = True
) -> None:
    """Write the lines that bind ``pid_m``, ``pid_n``, the batch coordinates and ``pid_k``.

    For a persistent schedule the loop over tiles is opened here, and ``lines`` left indented inside it. Where tiles
    walk more steps of k the later they come, as in triangles, the order along its slower axis is turned round; not so
    without ``walks_k``, which is for a kernel that has no steps.
    """
    slow = "n" if schedule.program_order in ("grid_2d", "column_major") else "m"
    turned = walks_k and last_first(algorithm, slow)
    if schedule.program_order in FLATTENED:
        _write_flattened(lines, algorithm, schedule, names, slow if turned else "")
    else:
        rows, columns = (0, 1) if schedule.program_order == "grid_2d" else (1, 0)
        lines.add(f"{names('pid_m')} = tl.program_id({rows})", f"{names('pid_n')} = tl.program_id({columns})")
        if turned:
            _write_turned(lines, names, slow, "tl.num_programs(1)")
        if algorithm.batch_axes:
            _write_batch(lines, algorithm, names, "tl.program_id(2)")
    if schedule.split_k > 1:
        axis = 1 if schedule.program_order in FLATTENED else 2
        lines.add(f"{names('pid_k')} = tl.program_id({axis})")


def batch_name(names: Names, algorithm: Contraction, axis: str) -> str:
    """The 64-bit coordinate along a batch axis."""
    return names("batch") if len(algorithm.batch_axes) == 1 else names(f"batch_{algorithm.batch_axes.index(axis)}")


def _write_turned(lines: Lines, names: Names, axis: str, tiles: str) -> None:
    pid = names(f"pid_{axis}")
    lines.add("# The tiles with the most steps of K start first.", f"{pid} = {tiles} - 1 - {pid}")


def _write_flattened(lines: Lines, algorithm: Contraction, schedule: Schedule, names: Names, turned: str) -> None:
    extents = algorithm.extents
    pid, tiles_m, tiles_n = names("pid"), names("tiles_m"), names("tiles_n")
    needs_both = bool(algorithm.batch_axes) or schedule.persistent
    needs_rows = schedule.program_order != "row_major" or turned == "m" or needs_both
    needs_columns = schedule.program_order != "column_major" or turned == "n" or needs_both
    if not schedule.persistent:
        lines.add(f"{pid} = tl.program_id(0)")
    if needs_rows:
        lines.add(f"{tiles_m} = tl.cdiv({extents['m']}, BLOCK_M)")
    if needs_columns:
        lines.add(f"{tiles_n} = tl.cdiv({extents['n']}, BLOCK_N)")
    if schedule.persistent:
        tiles = " * ".join([tiles_m, tiles_n, *[factor(extents[axis]) for axis in algorithm.batch_axes]])
        lines.add("# A fixed number of programs walks all tiles.")
        walk = f"tl.program_id(0), {tiles}, tl.num_programs(0)"
        if schedule.descriptors:
            lines.add("# As one loop with that over K: the next tile's operands are fetched while this one is stored.")
            lines.add(f"for {pid} in tl.range({walk}, flatten=True):")
        else:
            lines.add(f"for {pid} in range({walk}):")
        lines.indent += 1
    tile = pid
    if algorithm.batch_axes:
        tile = names("tile")
        lines.add(f"{tile} = {pid} % ({tiles_m} * {tiles_n})")
        _write_batch(lines, algorithm, names, f"({pid} // ({tiles_m} * {tiles_n}))")
    _write_order(lines, schedule.program_order, names, tile)
    if turned:
        _write_turned(lines, names, turned, tiles_m if turned == "m" else tiles_n)


def _write_order(lines: Lines, order: str, names: Names, tile: str) -> None:
    pid_m, pid_n, tiles_m, tiles_n = (names(word) for word in ("pid_m", "pid_n", "tiles_m", "tiles_n"))
    if order == "row_major":
        lines.add(f"{pid_m} = {tile} // {tiles_n}", f"{pid_n} = {tile} % {tiles_n}")
    elif order == "column_major":
        lines.add(f"{pid_m} = {tile} % {tiles_m}", f"{pid_n} = {tile} // {tiles_m}")
    else:
        size, first, rows = names("group_size"), names("first_m"), names("group_rows")
        lines.add(
            "# Groups of GROUP_M tile rows: programs that run together share rows of A and columns of B in L2.",
            f"{size} = GROUP_M * {tiles_n}",
            f"{first} = {tile} // {size} * GROUP_M",
            f"{rows} = min({tiles_m} - {first}, GROUP_M)",
            f"{pid_m} = {first} + {tile} % {size} % {rows}",
            f"{pid_n} = {tile} % {size} // {rows}",
        )


def _write_batch(lines: Lines, algorithm: Contraction, names: Names, index: str) -> None:
    axes = algorithm.batch_axes
    wide = f"tl.cast({index.removeprefix('(').removesuffix(')') if index[0] == '(' else index}, tl.int64)"
    if len(axes) == 1:
        lines.add(f"{names('batch')} = {wide}")
        return
    rest = names("batch")
    lines.add(f"{rest} = {wide}")
    for axis in reversed(axes[1:]):
        size = factor(algorithm.extents[axis])
        lines.add(f"{batch_name(names, algorithm, axis)} = {rest} % {size}")
        lines.add(f"{rest} = {rest} // {size}")
    lines.add(f"{batch_name(names, algorithm, axes[0])} = {rest}")


def grid_axes(algorithm: Contraction, schedule: Schedule, arguments: Mapping[str, str], device: str) -> tuple[str, ...]:
    """The expressions of the launch grid, in a scope where ``META`` holds the block sizes.

    Args:
        algorithm: What is computed.
        schedule: Any entry of the plan: all share the fields that matter here.
        arguments: The launch's text for each kernel parameter.
        device: Text of a tensor whose device runs the kernel, for a persistent schedule.
    """
    rows = f'triton.cdiv({substitute(algorithm.extents["m"], arguments)}, META["BLOCK_M"])'
    columns = f'triton.cdiv({substitute(algorithm.extents["n"], arguments)}, META["BLOCK_N"])'
    batch = [factor(substitute(algorithm.extents[axis], arguments)) for axis in algorithm.batch_axes]
    split = ['META["SPLIT_K"]'] if schedule.split_k > 1 else []
    if schedule.persistent:
        return (f"min({device}, {' * '.join([rows, columns, *batch])})",)
    if schedule.program_order in FLATTENED:
        return (" * ".join([rows, columns, *batch]), *split)
    tiles = [rows, columns] if schedule.program_order == "grid_2d" else [columns, rows]
    return (*tiles, *([" * ".join(batch)] if batch else []), *split)
