"""What the interpreter is spared: tables filled anew for each value, and checks whose outcome nobody looks at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import triton.language as tl
from triton.runtime import interpreter

from tilewright.prove import arithmetic

NAMES = ("int1", "int8", "int32", "int64", "uint16", "uint64", "float16", "bfloat16", "float32", "float64", "float8e5")


@pytest.mark.parametrize("name", NAMES)
def test_memory_holds_a_type_as_triton_says(name: str) -> None:
    scalar = getattr(tl, name)
    for dtype in (scalar, tl.pointer_type(scalar)):
        for shaped in (dtype, tl.block_type(dtype, [4])):
            expected = interpreter._get_np_dtype(shaped)
            assert arithmetic._storage_dtype(shaped) == expected
            assert arithmetic._storage_dtype(shaped) == expected, "as it was kept"


@pytest.mark.parametrize("ours", [True, False])
def test_integers_wrap_around_but_where_debug_forbids_it(ours: bool) -> None:
    """With Triton's own check and with ours alike."""
    semantic, builder = interpreter.interpreter_semantic, interpreter.interpreter_builder
    most = tl.tensor(interpreter.TensorHandle(np.array([2**31 - 1], np.int32), tl.int32), tl.int32)
    with arithmetic.arithmetic(arithmetic.MODELLED), pytest.MonkeyPatch.context() as patch:
        if not ours:
            patch.setattr(
                arithmetic.TritonSemantic, "binary_op_sanitize_overflow_impl", arithmetic._original_sanitize_overflow
            )
        assert semantic.add(most, most, True).handle.data.tolist() == [-2]
        patch.setattr(builder, "options", replace(builder.options, debug=True))
        with pytest.raises(AssertionError, match="int32 overflow detected for operation add"):
            semantic.add(most, most, True)
