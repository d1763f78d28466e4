"""Write how a kernel reads the tiles of its two operands: through pointers, or through tensor descriptors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.families.contraction.emit_expression import TRITON_DTYPES
from tilewright.families.contraction.emit_grid import batch_name
from tilewright.families.contraction.emit_orders import load_masks
from tilewright.families.contraction.emit_text import Lines, Names, term
from tilewright.families.contraction.layouts import Placed
from tilewright.families.contraction.registers import REGISTERS
from tilewright.families.contraction.triangles import begins_late
from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Where the loads are written, and all that they depend on."""

    lines: Lines
    names: Names
    schedule: Schedule
    algorithm: Contraction
    extents: Mapping[str, str]
    described: Mapping[str, Placed]
    """Side to operand, of those that have a descriptor."""

    @property
    def begins_inside(self) -> bool:
        """Whether a program walks a part of k only, and has bound where that begins."""
        return self.schedule.split_k > 1 or begins_late(self.algorithm)

    @property
    def operands(self) -> tuple[tuple[str, Operand], ...]:
        """Both sides."""
        return (("a", self.algorithm.a), ("b", self.algorithm.b))

    def write_start(self) -> None:
        """What stands before the loop."""
        if self.described:
            return
        for side, operand in self.operands:
            self.lines.add(f"{self.names(f'{side}_ptrs')} = {self._pointers(side, operand)}")
        if self.schedule.pointers == "advanced":
            self.lines.add(f"{self.names('k_step')} = tl.cast(BLOCK_K, tl.int64)")

    def write_step(self, k: str, end: str) -> None:
        """Bind both tiles of the step that begins at ``k``; what lies at ``end`` or beyond is not read."""
        if self.described:
            for side, operand in self.operands:
                self.lines.add(f"{self.names(side)} = {self._described(side, operand, k)}")
        elif self.schedule.masks == "even_k":
            self.lines.add("if EVEN_K:")
            self._write_pointer_loads(k, k_mask=None, indent=1)
            self.lines.add("else:")
            self._write_pointer_loads(k, k_mask=self.names("mask_k"), indent=1, end=end)
        else:
            self._write_pointer_loads(k, k_mask=self.names("mask_k"), end=end)

    def write_end_of_step(self) -> None:
        """What moves on to the next step."""
        if self.described or self.schedule.pointers != "advanced":
            return
        for side, operand in self.operands:
            step = term(self.names("k_step"), operand.strides.get("k", "0"))
            if step is not None:
                self.lines.add(f"{self.names(f'{side}_ptrs')} += {step}")

    # -- descriptors ------------------------------------------------------------------------------------------------

    def _described(self, side: str, operand: Operand, k: str) -> str:
        """A tile, [m, k] of A and [k, n] of B, from a descriptor whose last axis is the contiguous one.

        Both are turned where B is the product's first operand.
        """
        one = self.described[side]
        starts = {"k": k, one.own: f"{self.names(f'pid_{one.own}')} * BLOCK_{one.own.upper()}"}
        # the copy engine counts in 32 bits
        at = [f"{batch_name(self.names, self.algorithm, axis)}.to(tl.int32)" for axis in one.batch]
        at += [starts[one.rows], starts[one.columns]]
        tile = f"{operand.parameter}.load([{', '.join(at)}])"
        if one.batch:
            tile += f".reshape(BLOCK_{one.rows.upper()}, BLOCK_{one.columns.upper()})"
        turned = (one.rows == "k" if side == "a" else one.columns == "k") != (self.schedule.b_layout == REGISTERS)
        return f"{tile}{_casts(operand)}{'.T' if turned else ''}"

    # -- pointers ---------------------------------------------------------------------------------------------------

    def _write_pointer_loads(self, k: str, *, k_mask: str | None, indent: int = 0, end: str = "") -> None:
        lines, names = self.lines, self.names
        lines.indent += indent
        if k_mask is not None:
            lines.add(f"{k_mask} = {names('offs_k')} < {end} - {k}")
        for side, operand in self.operands:
            pointers = names(f"{side}_ptrs")
            if self.schedule.pointers != "advanced":
                start = f"tl.cast({k}{' - ' + names('k_begin') if self.begins_inside else ''}, tl.int64)"
                moved = term(start, operand.strides.get("k", "0"))
                pointers += f" + {moved}" if moved else ""
            layout = self.schedule.a_layout if side == "a" else self.schedule.b_layout
            orders = operand.orders if layout == "as_is" else ()  # a copy has zeros there
            masks = [*self._masks(side, k_mask), *load_masks(names, side, orders, k)]
            mask = f", mask={' & '.join(masks)}, other={zero_of(operand.dtype)}" if masks else ""
            lines.add(f"{names(side)} = tl.load({pointers}{mask}){_casts(operand)}")
        lines.indent -= indent

    def _masks(self, side: str, k_mask: str | None) -> list[str]:
        """Masks of one operand tile, in the order of its axes."""
        wrapped = self.schedule.masks == "wrapped"
        tile = (
            []
            if wrapped
            else [f"{self.names('mask_m')}[:, None]" if side == "a" else f"{self.names('mask_n')}[None, :]"]
        )
        along_k = [] if k_mask is None else [f"{k_mask}[None, :]" if side == "a" else f"{k_mask}[:, None]"]
        return tile + along_k if side == "a" else along_k + tile

    def _pointers(self, side: str, operand: Operand) -> str:
        names = self.names
        axis, own, other = ("m", "[:, None]", "[None, :]") if side == "a" else ("n", "[None, :]", "[:, None]")
        index = names(f"offs_{axis}")
        if self.schedule.masks == "wrapped":
            index = names(f"{side}_{axis}")
            self.lines.add(f"{index} = {names(f'offs_{axis}')} % {self.extents[axis]}")
        k_index = f"({names('k_begin')} + {names('offs_k')})" if self.begins_inside else names("offs_k")
        k_stride = operand.strides.get("k", "0")
        wide = "" if k_stride == "1" else ".to(tl.int64)"
        terms = [
            term(f"{index}{own}", operand.strides.get(axis, "0")),
            term(f"{k_index}{other}{wide}", k_stride),
        ]
        missing = [shape for shape, part in zip((own, other), terms, strict=True) if part is None]
        if missing:  # a stride of 0 along one side: the tile still has to have both
            terms = [
                part or f"{name}{shape} * 0"
                for part, name, shape in zip(terms, (index, k_index), (own, other), strict=True)
            ]
        parts = [*base_terms(self.names, self.algorithm, operand), *(terms if side == "a" else terms[::-1])]
        return " + ".join(part for part in parts if part)


def base_terms(names: Names, algorithm: Contraction, operand: Operand) -> list[str]:
    """Pointer, offset and batch terms: what all elements of a tile share."""
    parts = [operand.parameter]
    if operand.offset != "0":
        parts.append(operand.offset)
    for axis in algorithm.batch_axes:
        moved = term(batch_name(names, algorithm, axis), operand.strides.get(axis, "0"))
        if moved is not None:
            parts.append(moved)
    return parts


def zero_of(dtype: str) -> str:
    """What a masked-off element of that dtype is read as."""
    return "0.0" if dtype.startswith(("fp", "bf")) else "0"


def _casts(operand: Operand) -> str:
    return "".join(f".to({TRITON_DTYPES[dtype]})" for dtype in operand.casts)
