"""What floating-point arithmetic Triton's interpreter does: worker side.

Triton's interpreter computes with numpy arrays of the kernel's own types. That is wrong for bfloat16 (its bits are
added as integers), and it knows nothing of TF32. This module replaces the few functions through which every value
passes, for as long as a context lasts, by one of two arithmetics:

``modelled``
    float16 and float32 as numpy rounds them; bfloat16 held in float32 and rounded to nearest even after every
    operation; ``tl.dot`` on float32 with precision TF32 drops the low 13 mantissa bits of its operands, which is what
    the tensor cores read. Accumulation is float32.
``widened``
    every float value is a float64 and nothing is rounded before it is stored: the oracle.

Every access is also checked against the storages that the launch was given, so that an out-of-bounds access is an
error with a name and a distance, where the plain interpreter reads its neighbour's memory or dies.

The hooks exist under the same names in Triton 3.6 and 3.9; positional rests cover what differs between them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.language.semantic import TritonSemantic
from triton.runtime import interpreter as triton_interpreter

from tilewright.prove import bounds, patching
from tilewright.prove.halves import Array, bfloat16_bits, from_bfloat16_bits, round_to_bfloat16

MODELLED = "modelled"
WIDENED = "widened"

_builder = triton_interpreter.InterpreterBuilder
_native = triton_interpreter._interpreter
_handle = triton_interpreter.TensorHandle
_original_np_dtype: Callable[[Any], np.dtype[Any]] = triton_interpreter._get_np_dtype
_validate = triton_interpreter._validate_np_data_size
_original_dot = _builder.create_dot
_original_atomic_rmw = _builder.create_atomic_rmw
_original_atomic_cas = _builder.create_atomic_cas
_original_sanitize_overflow = TritonSemantic.binary_op_sanitize_overflow_impl

_FLOATS = ("fp16", "bf16", "fp32")
_FLOATS_WITH_DOUBLE = (*_FLOATS, "fp64")


_known: dict[str, np.dtype[Any]] = {}


def _storage_dtype(dtype: Any) -> np.dtype[Any]:
    """Numpy dtype of the bits in memory; Triton fills a table anew each time it is asked."""
    found = _known.get(dtype.scalar.name)
    if found is None:
        found = _known[dtype.scalar.name] = _original_np_dtype(dtype)
    return found


def _truncate_to_tf32(values: Array) -> Array:
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    special = (bits & np.uint32(0x7F800000)) == np.uint32(0x7F800000)
    kept = np.where(special, bits, bits & np.uint32(0xFFFFE000)).astype(np.uint32)
    return kept.view(np.float32).reshape(np.shape(values))


def _sanitize_overflow(semantic: Any, *operation: Any) -> None:
    """Replaces binary_op_sanitize_overflow_impl, whose ten operations a sum have an effect in debug builds alone."""
    if semantic.builder.options.debug:
        _original_sanitize_overflow(semantic, *operation)


class _Arithmetic:
    """The replaced functions, for one of the two arithmetics."""

    def __init__(self, mode: str) -> None:
        self.widened = mode == WIDENED
        narrow = {"fp16": np.float16, "bf16": np.float32, "fp32": np.float32}
        self.value_dtypes = {name: np.dtype(np.float64 if self.widened else narrow[name]) for name in _FLOATS}

    def np_dtype(self, dtype: Any) -> np.dtype[Any]:
        """Numpy dtype that values of a Triton dtype are held in."""
        if isinstance(dtype, tl.pointer_type):
            return _storage_dtype(dtype)
        return self.value_dtypes.get(dtype.scalar.name) or _storage_dtype(dtype)

    def to_value(self, raw: Array, scalar: Any) -> Array:
        """From the bits in memory to the values computed with."""
        if scalar.name not in _FLOATS:
            return raw
        if scalar.name == "bf16":
            raw = from_bfloat16_bits(raw)
        return raw.astype(self.value_dtypes[scalar.name])

    def to_storage(self, values: Array, scalar: Any) -> Array:
        """From values to the bits in memory."""
        if scalar.name not in _FLOATS:
            return values
        if scalar.name == "bf16":
            return bfloat16_bits(np.asarray(values))
        return np.asarray(values).astype(_storage_dtype(scalar))

    def settle(self, handle: Any) -> None:
        """Round a fresh value to its type: runs after each TensorHandle is made."""
        if handle.data.dtype.kind == "f":
            name = handle.dtype.scalar.name
            target = self.value_dtypes.get(name)
            if target is not None:
                if handle.data.dtype != target:
                    handle.data = handle.data.astype(target)
                if name == "bf16" and not self.widened:
                    handle.data = round_to_bfloat16(handle.data)
                return
        if not _validate(handle.data, handle.dtype):
            raise ValueError(f"numpy {handle.data.dtype} does not fit Triton's {handle.dtype}")

    def validate(self, data: Array, dtype: Any) -> bool:
        """Whether ``data`` may stand for ``dtype``; a float64 stands for any float here."""
        if data.dtype.kind == "f" and dtype.scalar.name in _FLOATS:
            return True
        return bool(_validate(data, dtype))

    def load(self, _builder: Any, ptrs: Any, mask: Any, other: Any, *_rest: Any, **_named: Any) -> Any:
        """Replaces create_masked_load."""
        scalar = ptrs.get_element_ty()
        storage = _storage_dtype(scalar)
        active = np.asarray(mask.data)
        bounds.check(ptrs.data, active, storage.itemsize, "load")
        if other is None:
            other_raw = np.zeros_like(ptrs.data, dtype=storage)
        else:
            other_raw = self.to_storage(other.data, scalar)
        return _handle(self.to_value(_native.load(ptrs.data, active, other_raw, storage), scalar), scalar)

    def store(self, _builder: Any, ptrs: Any, value: Any, mask: Any, *_rest: Any, **_named: Any) -> Any:
        """Replaces create_masked_store."""
        scalar = ptrs.get_element_ty()
        active = np.asarray(mask.data)
        bounds.check(ptrs.data, active, _storage_dtype(scalar).itemsize, "store")
        return _native.store(ptrs.data, self.to_storage(value.data, scalar), active)

    def cast(self, _builder: Any, src: Any, dst_type: Any) -> Any:
        """Replaces cast_impl."""
        return _handle(src.data.astype(self.np_dtype(dst_type)), dst_type.scalar)

    def float_to_float(self, _builder: Any, src: Any, dst_type: Any, rounding_mode: Any) -> Any:
        """Replaces create_fp_to_fp; eight-bit floats keep the interpreter's own conversion."""
        source, target = src.dtype.scalar, dst_type.scalar
        if source.name in _FLOATS_WITH_DOUBLE and target.name in _FLOATS_WITH_DOUBLE:
            data = src.data.astype(self.np_dtype(target))
            towards_zero = rounding_mode == triton_interpreter._ir.ROUNDING_MODE.RTZ
            if towards_zero and not self.widened and target.name in ("fp16", "bf16"):
                data = self._towards_zero(src.data, target.name)
            return _handle(data, target)
        if "bf16" in (source.name, target.name):
            # The interpreter's eight-bit conversions are exact by way of float32.
            middle = self.float_to_float(_builder, src, tl.float32, rounding_mode)
            return self.float_to_float(_builder, middle, dst_type, rounding_mode)
        raw = self.to_storage(src.data, source)
        converted = triton_interpreter._convert_float(raw, source, target, rounding_mode).view(_storage_dtype(target))
        return _handle(self.to_value(converted, target), target)

    @staticmethod
    def _towards_zero(values: Array, name: str) -> Array:
        if name == "bf16":
            bits = np.asarray(values, dtype=np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
            return bits.view(np.float32)
        nearest = values.astype(np.float16)
        too_far = np.abs(nearest.astype(np.float64)) > np.abs(values.astype(np.float64))
        return np.where(too_far, np.nextafter(nearest, np.float16(0)), nearest)

    def bitcast(self, _builder: Any, src: Any, dst_type: Any) -> Any:
        """Replaces create_bitcast: bit tricks see the bits that memory would hold."""
        raw = np.ascontiguousarray(self.to_storage(src.data, src.dtype.scalar)).reshape(np.shape(src.data))
        return _handle(self.to_value(raw.view(_storage_dtype(dst_type)), dst_type.scalar), dst_type.scalar)

    def absolute(self, _builder: Any, arg: Any) -> Any:
        """Replaces create_fabs."""
        return _handle(np.abs(arg.data), arg.dtype.scalar)

    def erf(self, _builder: Any, arg: Any) -> Any:
        """Replaces create_erf, which calls Python's own once an element."""
        values = torch.erf(torch.from_numpy(np.array(arg.data, dtype=np.float64))).numpy()
        return _handle(values.astype(arg.data.dtype), arg.dtype.scalar)

    def dot(self, builder: Any, a: Any, b: Any, d: Any, input_precision: Any, *rest: Any) -> Any:
        """Replaces create_dot."""
        tf32 = input_precision == triton_interpreter._ir.INPUT_PRECISION.TF32
        if tf32 and not self.widened and a.dtype.scalar.name == "fp32":
            a = _handle(_truncate_to_tf32(a.data), a.dtype)
            b = _handle(_truncate_to_tf32(b.data), b.dtype)
        return _original_dot(builder, a, b, d, input_precision, *rest)

    def constant(self, name: str) -> Callable[[Any, float], Any]:
        """Replaces get_fp16 and get_fp32."""
        scalar = {"fp16": tl.float16, "fp32": tl.float32}[name]
        return lambda _builder, value: _handle(np.array([value], dtype=self.value_dtypes[name]), scalar)

    def atomic_rmw(self, builder: Any, operation: Any, ptr: Any, val: Any, mask: Any, sem: Any, scope: Any) -> Any:
        """Replaces create_atomic_rmw."""
        scalar = val.dtype.scalar
        active = np.asarray(mask.data)
        bounds.check(ptr.data, active, _storage_dtype(scalar).itemsize, "atomic")
        if scalar.name not in _FLOATS:
            return _original_atomic_rmw(builder, operation, ptr, val, mask, sem, scope)
        if scalar.name == "fp32":
            native_operation = builder.ir_rmw_op_to_interpreter_rmw_op[operation]
            native_sem = builder.ir_sem_to_interpreter_sem[sem]
            raw = self.to_storage(val.data, scalar)
            old = _native.atomic_rmw(native_operation, ptr.data, raw, active, native_sem)
            return _handle(self.to_value(old, scalar), scalar)
        return self._half_atomic(operation, ptr, val, active)

    def _half_atomic(self, operation: Any, ptr: Any, val: Any, active: Array) -> Any:
        """One element after the other: programs of the interpreter run one after the other too."""
        kinds = triton_interpreter._ir.ATOMIC_OP
        scalar = val.dtype.scalar
        if operation not in (kinds.FADD, kinds.XCHG):
            raise TypeError(f"atomic {operation} on {scalar.name} cannot be interpreted")
        storage = _storage_dtype(scalar)
        pointers, values, chosen = np.broadcast_arrays(ptr.data, val.data, active)
        flat_pointers, flat_values = pointers.reshape(-1), values.reshape(-1)
        old: Array = np.zeros(flat_values.size, dtype=values.dtype)
        yes = np.ones(1, dtype=bool)
        for index in np.flatnonzero(chosen):
            one = flat_pointers[index : index + 1]
            before = self.to_value(_native.load(one, yes, np.zeros(1, dtype=storage), storage), scalar)
            after = flat_values[index : index + 1] + (before if operation == kinds.FADD else 0)
            _native.store(one, self.to_storage(after, scalar), yes)
            old[index] = before[0]
        return _handle(old.reshape(values.shape), scalar)

    def atomic_cas(self, builder: Any, ptr: Any, cmp: Any, val: Any, sem: Any, scope: Any) -> Any:
        """Replaces create_atomic_cas."""
        scalar = cmp.dtype.scalar
        bounds.check(ptr.data, np.ones(np.shape(ptr.data), dtype=bool), _storage_dtype(scalar).itemsize, "atomic")
        if scalar.name not in _FLOATS:
            return _original_atomic_cas(builder, ptr, cmp, val, sem, scope)
        native_sem = builder.ir_sem_to_interpreter_sem[sem]
        compare, value = self.to_storage(cmp.data, scalar), self.to_storage(val.data, scalar)
        return _handle(self.to_value(_native.atomic_cas(ptr.data, compare, value, native_sem), scalar), scalar)

    def replacements(self) -> list[tuple[Any, str, Any]]:
        """What to set for as long as this arithmetic rules: (object, attribute, value)."""

        def method(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda builder, *args, **named: function(builder, *args, **named)

        return [
            (triton_interpreter, "_get_np_dtype", self.np_dtype),
            (triton_interpreter, "_validate_np_data_size", self.validate),
            (TritonSemantic, "binary_op_sanitize_overflow_impl", _sanitize_overflow),
            (_handle, "__post_init__", lambda handle: self.settle(handle)),
            (_builder, "create_masked_load", method(self.load)),
            (_builder, "create_masked_store", method(self.store)),
            (_builder, "cast_impl", method(self.cast)),
            (_builder, "create_fp_to_fp", method(self.float_to_float)),
            (_builder, "create_bitcast", method(self.bitcast)),
            (_builder, "create_fabs", method(self.absolute)),
            (_builder, "create_erf", method(self.erf)),
            (_builder, "create_dot", method(self.dot)),
            (_builder, "get_fp16", self.constant("fp16")),
            (_builder, "get_fp32", self.constant("fp32")),
            (_builder, "create_atomic_rmw", method(self.atomic_rmw)),
            (_builder, "create_atomic_cas", method(self.atomic_cas)),
        ]


@contextlib.contextmanager
def arithmetic(mode: str) -> Iterator[None]:
    """Let the interpreter compute in ``mode`` (:data:`MODELLED` or :data:`WIDENED`) inside the context."""
    replacements = _Arithmetic(mode).replacements()
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replacements]
    try:
        for owner, name, value in replacements:
            setattr(owner, name, value)
        with np.errstate(all="ignore"), bounds.watch_launches(), patching.patch_once_a_launch():
            yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
