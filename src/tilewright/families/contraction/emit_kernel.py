"""Write the Triton kernel of a contraction from its Schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tilewright.families.contraction.emit_expression import (
    TRITON_DTYPES,
    ExpressionWriter,
    without_final_cast,
)
from tilewright.families.contraction.emit_grid import batch_name, write_tile_index
from tilewright.families.contraction.emit_loads import Loads, base_terms, zero_of
from tilewright.families.contraction.emit_narrow import PACK_BLOCK, UNDO
from tilewright.families.contraction.emit_operands import Preparation, prepared_algorithm, stand_ins
from tilewright.families.contraction.emit_orders import output_mask, write_range
from tilewright.families.contraction.emit_parts import parts_of, write_split
from tilewright.families.contraction.emit_registers import product_lines
from tilewright.families.contraction.emit_signature import (
    BLOCKS,
    RESERVED,
    KernelText,
    Parameter,
    autotune_decorators,
    kernel_text,
    signature_groups,
)
from tilewright.families.contraction.emit_text import Lines, Names, docstring, factor, is_atom, names_in, term
from tilewright.families.contraction.reductions import stored_places
from tilewright.families.contraction.registers import REGISTERS
from tilewright.families.contraction.triangles import skips
from tilewright.records.algorithm import Contraction, Operand, Output
from tilewright.records.schedule import Schedule


class ContractionKernel:
    """Writes one kernel: ``text()`` for the main one, ``reduction()`` for the sum over the parts of a split k.

    ``flagged`` names the flags that say which tiles have to be computed at all.
    """

    def __init__(
        self,
        algorithm: Contraction,
        parameters: Sequence[Parameter],
        plan: Sequence[Schedule],
        prepared: Preparation | None = None,
        flagged: str = "",
    ) -> None:
        self.narrowed = prepared is not None and prepared.narrowing is not None
        self.flagged = flagged
        self.scale = prepared.narrowing.scale if prepared and prepared.narrowing else flagged
        self.original = prepared_algorithm(algorithm, prepared)
        self.parameters = tuple(parameters)
        self.stand_ins = stand_ins(prepared, parameters)
        described = prepared.operands if prepared and prepared.descriptors else ()
        self.described = {one.placed.side: one.placed for one in described}
        # what lies outside a tensor is read as zero by its descriptor, so there is no mask to leave out
        self.plan = tuple(replace(entry, masks="general") for entry in plan) if described else tuple(plan)
        self.schedule = self.plan[0]
        self.split = self.schedule.split_k > 1
        self.parts = parts_of(self.original, self.plan)
        self._start()

    def _start(self) -> None:
        self.algorithm = self.original
        reserved = {parameter.name for parameter in self.parameters} | {*RESERVED}
        reserved |= {name for new in self.stand_ins.values() for name in new}
        reserved.add(self.scale)
        self.names = Names(reserved | {"tl", "triton", "min", "max", "range", "float"})
        self.lines = Lines(indent=1)
        self.columns = "n"

    def text(self, note: str) -> KernelText:
        """The kernel that walks k, with ``note`` as its docstring."""
        self._start()
        lines, names, schedule = self.lines, self.names, self.schedule
        self._bind_extents()
        write_tile_index(lines, self.algorithm, schedule, names)
        if not self.described:
            lines.add("")
            self._write_offsets()
        if self.flagged:
            self._write_return()
        late = schedule.masks == "wrapped" or bool(self.described)
        if not late:
            self._write_masks()
        self._write_loop()
        lines.add("")
        axes = "mn" if self.parts == 1 else "m"
        if self.described:
            self._write_offsets(axes, with_k=False)
        if late:
            self._write_masks(axes)
        if self.split:
            self._write_partial()
        else:
            self._write_outputs()
        if self.described and schedule.persistent:  # outputs in halves have columns of their own
            self._drop_unused("mask_n", "offs_n")
        constants = [*BLOCKS]
        if schedule.program_order == "grouped":
            constants.append("GROUP_M")
        if self.split:
            constants.append("SPLIT_K")
        even = ["EVEN_K"] if schedule.masks == "even_k" else []
        return self._assemble(
            self.algorithm.kernel, constants, even, note, autotune_decorators(self.plan, self.original, self.parameters)
        )

    def reduction(self, name: str) -> KernelText:
        """The kernel ``name`` that adds the partial sums and finishes the output."""
        self._start()
        lines, names = self.lines, self.names
        self._bind_extents()
        order = replace(self.schedule, program_order="row_major", split_k=1, persistent=False)
        write_tile_index(lines, self.algorithm, order, names, walks_k=False)
        lines.add("")
        self._write_offsets(with_k=False)
        self._write_masks()
        lines.add("", self._partial_pointers("0"))
        acc, partial = names("acc"), names("partial_ptrs")
        accumulator = TRITON_DTYPES[accumulator_dtype(self.algorithm)]
        lines.add(
            f"{acc} = tl.zeros((BLOCK_M, BLOCK_N), dtype={accumulator})",
            "for _ in range(SPLIT_K):",
            f"    {acc} += tl.load({partial}, mask={self._tile_mask()}, other=0.0)",
            f"    {partial} += {self._partial_size()}",
            "",
        )
        for output in self.algorithm.outputs:
            self._write_output(output, acc)
        note = "Add the partial sums of the splits of K, always in the same order, and write the result."
        return self._assemble(name, ["BLOCK_M", "BLOCK_N", "SPLIT_K"], [], note, ["@triton.jit"])

    # -- parts of the body ------------------------------------------------------------------------------------------

    def _bind_extents(self) -> None:
        """Give a name to each extent that is more than a name, so that the body reads well."""
        extents = dict(self.algorithm.extents)
        for axis in ("m", "n", "k"):
            if not is_atom(extents[axis]):
                name = self.names(f"size_{axis}")
                self.lines.add(f"{name} = {extents[axis]}")
                extents[axis] = name
        self.extents = extents
        self.algorithm = replace(self.algorithm, extents=extents)

    def _write_offsets(self, axes: str = "mn", *, with_k: bool = True) -> None:
        names = self.names
        self.lines.add("# 64-bit offsets: a tensor may hold more than 2**31 elements.")
        for axis in axes:
            self.lines.add(
                f"{names(f'offs_{axis}')} = tl.cast({names(f'pid_{axis}')}, tl.int64) * BLOCK_{axis.upper()}"
                f" + tl.arange(0, BLOCK_{axis.upper()})"
            )
        if with_k:
            self.lines.add(f"{names('offs_k')} = tl.arange(0, BLOCK_K)")

    def _write_return(self) -> None:
        """Leave where none of the tile's flags is up: those of A's strips along m stand before B's along n."""
        names, up = self.names, []
        first = ""
        for axis, operand in (("m", self.algorithm.a), ("n", self.algorithm.b)):
            strips = f"tl.cdiv({self.extents[axis]}, {PACK_BLOCK})"
            moved = [each for each in self.algorithm.batch_axes if operand.strides.get(each, "0") != "0"]
            place = [self.flagged, first] if first else [self.flagged]
            place += [f"{batch_name(names, self.algorithm, each)} * {strips}" for each in moved]
            place.append(f"{names(f'offs_{axis}')} // {PACK_BLOCK}")
            up.append(names(f"up_{axis}"))
            mask = f"{names(f'offs_{axis}')} < {self.extents[axis]}"
            self.lines.add(f"{up[-1]} = tl.max(tl.load({' + '.join(place)}, mask={mask}, other=0.0))")
            first = " * ".join([strips, *(factor(self.extents[each]) for each in moved)])
        self.lines.add(f"if tl.maximum({', '.join(up)}) == 0.0:", "    return")

    def _write_masks(self, axes: str = "mn") -> None:
        for axis in axes:
            self.lines.add(f"{self.names(f'mask_{axis}')} = {self.names(f'offs_{axis}')} < {self.extents[axis]}")

    def _write_loop(self) -> None:
        lines, names = self.lines, self.names
        acc, k = names("acc"), names("k")
        begin, end = "0", self.extents["k"]
        if self.split:
            begin, end, chunk = names("k_begin"), names("k_end"), names("chunk")
            lines.add(
                "",
                "# This program's part of K, in whole steps.",
                f"{chunk} = tl.cdiv(tl.cdiv({self.extents['k']}, BLOCK_K), SPLIT_K) * BLOCK_K",
                f"{begin} = {names('pid_k')} * {chunk}",
                f"{end} = min({begin} + {chunk}, {self.extents['k']})",
            )
        # steps begin at multiples of BLOCK_K: only the end of K itself can cut one, and Triton knows more of that
        last = self.extents["k"] if skips(self.algorithm) else end
        begin, end = write_range(lines, names, self.algorithm, begin, end)
        lines.add("")
        loads = Loads(
            lines=lines,
            names=names,
            schedule=self.schedule,
            algorithm=self.algorithm,
            extents=self.extents,
            described=self.described,
        )
        loads.write_start()
        dtype = TRITON_DTYPES[accumulator_dtype(self.algorithm)]
        turned = self.schedule.b_layout == REGISTERS
        shape = "(BLOCK_N, BLOCK_M)" if turned else "(BLOCK_M, BLOCK_N)"
        lines.add(f"{acc} = tl.zeros({shape}, dtype={dtype})")
        lines.add(f"for {k} in range({begin}, {end}, BLOCK_K):")
        lines.indent += 1
        loads.write_step(k, last)
        if turned:
            lines.add(*product_lines(names("a"), names("b"), acc, self._dot_options()))
        else:
            lines.add(f"{acc} = tl.dot({names('a')}, {names('b')}, {acc}{self._dot_options()})")
        loads.write_end_of_step()
        lines.indent -= 1
        if turned:
            lines.add(f"{acc} = {acc}.T")
        if self.narrowed:
            lines.add(f"{acc} = {acc} * tl.load({self.scale} + {UNDO})")

    def _dot_options(self) -> str:
        accumulator = accumulator_dtype(self.algorithm)
        if self.narrowed:
            return ""
        if accumulator == "fp32":
            return f', input_precision="{self.schedule.input_precision}"'
        return f", out_dtype={TRITON_DTYPES[accumulator]}"

    # -- the end of the kernel --------------------------------------------------------------------------------------

    def _tile_mask(self) -> str:
        return f"{self._end_mask('m')} & {self._end_mask('n')}"

    def _end_mask(self, axis: str) -> str:
        return f"{self._mask(axis)}{'[:, None]' if axis == 'm' else '[None, :]'}"

    def _offsets(self, axis: str) -> str:
        return self.names(f"offs_{axis if axis == 'm' else self.columns}")

    def _mask(self, axis: str) -> str:
        return self.names(f"mask_{axis if axis == 'm' else self.columns}")

    def _load_epilogue(self, operand: Operand) -> str:
        """Text that reads an epilogue's operand, shaped so that it broadcasts over the tile."""
        offs = {axis: self._offsets(axis) for axis in "mn"}
        moves = {axis: operand.strides.get(axis, "0") for axis in "mn"}
        axes = [axis for axis in "mn" if moves[axis] != "0"]
        base = " + ".join(base_terms(self.names, self.algorithm, operand))
        casts = "".join(f".to({TRITON_DTYPES[dtype]})" for dtype in operand.casts)
        zero = zero_of(operand.dtype)
        if not axes:
            return f"tl.load({base}){casts}"
        if len(axes) == 1:
            axis = axes[0]
            shape = "[:, None]" if axis == "m" else "[None, :]"
            mask = self._mask(axis)
            return f"tl.load({base} + {term(offs[axis], moves[axis])}, mask={mask}, other={zero}){casts}{shape}"
        rows, columns = term(f"{offs['m']}[:, None]", moves["m"]), term(f"{offs['n']}[None, :]", moves["n"])
        return f"tl.load({base} + {rows} + {columns}, mask={self._tile_mask()}, other={zero}){casts}"

    def _write_outputs(self) -> None:
        sums = self.names("acc")
        if self.parts > 1:
            sums = write_split(self.lines, self.names, self.parts)
            self.columns = "part"
            self.lines.add(f"{self._mask('n')} = {self._offsets('n')} < {self.extents['n']}")
        for output in self.algorithm.outputs:
            self._write_output(output, sums)

    def _write_output(self, output: Output, sums: str) -> None:
        lines, names, operand = self.lines, self.names, output.operand
        writer = ExpressionWriter(accumulator=sums, load=self._load_epilogue, inside=self._end_mask, taken=names.taken)
        value = writer.write(without_final_cast(output.value, operand.dtype))
        lines.add(*writer.lines)
        stored = stored_places(output)
        mask, kept = " & ".join(map(self._end_mask, stored)), output_mask(names, output.orders)
        if kept and output.zero_outside:
            value = f"tl.where({kept}, {value}, {zero_of(accumulator_dtype(self.algorithm))})"
        elif kept:
            mask = f"{mask} & {kept}"
        if not value.isidentifier():
            stem = operand.parameter.removesuffix("_ptr").lower()
            bound = writer.fresh("out" if stem in names.taken else stem)
            lines.add(f"{bound} = {value}")
            value = bound
        stem = operand.parameter.removesuffix("_ptr").lower()
        pointers = writer.fresh(f"{stem}_ptrs")
        halves = self.schedule.persistent and self.described and operand.dtype == "fp32" and self.parts == 1
        if halves and len(stored) == 2:
            self._write_halves(operand, value, pointers)
            return
        lines.add(f"{pointers} = {self._output_pointers(operand, self._offsets('n'))}")
        lines.add(f"tl.store({pointers}, {value}.to({operand.parameter}.dtype.element_ty), mask={mask})")

    def _output_pointers(self, operand: Operand, offs_n: str) -> str:
        parts = base_terms(self.names, self.algorithm, operand)
        for index, axis, shape in ((self.names("offs_m"), "m", "[:, None]"), (offs_n, "n", "[None, :]")):
            moved = term(f"{index}{shape}", operand.strides.get(axis, "0"))
            parts += [moved] if moved else []
        return " + ".join(parts)

    def _write_halves(self, operand: Operand, value: str, pointers: str) -> None:
        """Store the left half, then the right one."""
        names, lines = self.names, self.lines
        left, right, half = names("left"), names("right"), names("offs_half")
        halves = f"{value}.reshape(BLOCK_M, 2, BLOCK_N // 2).permute(0, 2, 1)"
        lines.add(
            "# In halves: a tile of 32 bits on its way out takes shared memory from the operands of the next.",
            f"{left}, {right} = tl.split({halves})",
            f"{half} = tl.cast({names('pid_n')}, tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N // 2)",
        )
        for part in (left, right):
            mask = f"{names('mask_m')}[:, None] & ({half} < {self.extents['n']})[None, :]"
            lines.add(f"{pointers} = {self._output_pointers(operand, half)}")
            lines.add(f"tl.store({pointers}, {part}.to({operand.parameter}.dtype.element_ty), mask={mask})")
            if part == left:
                lines.add(f"{half} += BLOCK_N // 2")

    def _drop_unused(self, *words: str) -> None:
        """Take out the lines that bind names which the body reads nowhere."""
        for word in words:
            name = self.names(word)
            lines = [line for line in self.lines.written if name in names_in(line)]
            if len(lines) == 1:
                self.lines.written.remove(lines[0])

    def _partial_size(self) -> str:
        sizes = [self.extents[axis] for axis in (*self.algorithm.batch_axes, "m", "n")]
        first, *rest = [size if is_atom(size) else f"({size})" for size in sizes]
        return " * ".join([f"tl.cast({first}, tl.int64)", *rest])

    def _partial_pointers(self, split: str) -> str:
        """Where the partial sum of one split lies in the workspace [SPLIT_K, batch…, M, N]."""
        names, algorithm = self.names, self.algorithm
        parts = [names("partial_ptr")]
        if split != "0":
            parts.append(f"{split} * {self._partial_size()}")
        inner = [*algorithm.batch_axes, "m", "n"]
        for position, axis in enumerate(algorithm.batch_axes):
            sizes = [self.extents[later] for later in inner[position + 1 :]]
            parts.append(
                " * ".join([batch_name(names, algorithm, axis), *[s if is_atom(s) else f"({s})" for s in sizes]])
            )
        n_size = self.extents["n"]
        parts.append(f"{names('offs_m')}[:, None] * {n_size if is_atom(n_size) else f'({n_size})'}")
        parts.append(f"{names('offs_n')}[None, :]")
        return f"{names('partial_ptrs')} = {' + '.join(parts)}"

    def _write_partial(self) -> None:
        self.lines.add(
            self._partial_pointers(self.names("pid_k")),
            f"tl.store({self.names('partial_ptrs')}, {self.names('acc')}, mask={self._tile_mask()})",
        )

    def _assemble(
        self, name: str, constants: list[str], derived: list[str], note: str, decorators: list[str]
    ) -> KernelText:
        tuned = set(names_in(" ".join(decorators))) if len(self.plan) > 1 else set()
        used = set(names_in("\n".join(self.lines.written))) | tuned
        # an input's own BLOCK_M makes way for the schedule's
        kept = [parameter for parameter in self.parameters if parameter.name not in (*constants, *derived)]
        new = dict(self.stand_ins)
        workspaces = [self.names("partial_ptr")] if self.split else []
        workspaces += [self.scale] if self.scale else []
        if workspaces:
            outputs = {output.operand.parameter for output in self.original.outputs}
            first = next(parameter.name for parameter in kept if parameter.name in outputs)
            new[first] = [*new.get(first, []), *workspaces]
        groups = signature_groups(kept, used, new)
        return kernel_text(name, decorators, groups, constants, derived, [*docstring(note, 1), *self.lines.written])


def accumulator_dtype(algorithm: Contraction) -> str:
    """What the emitted kernel sums in: never less than float32 for floats."""
    return "fp32" if algorithm.accumulator_dtype in {"fp16", "bf16"} else algorithm.accumulator_dtype
