import pickle

import pytest

from tilewright.errors import SourceError
from tilewright.source import ModelArgument, model_forward, model_signature, read_kernel_file

MODEL = "class ModelNew(nn.Module):\n    def forward(self, x): return x\n"


def kernel(decorators: str, imports: str = "import triton") -> str:
    return f"{imports}\n{decorators}\ndef k(x_ptr): pass\n{MODEL}"


@pytest.mark.parametrize(
    ("decorators", "imports"),
    [
        ("@triton.jit", "import triton"),
        ("@tr.jit", "import triton as tr"),
        ("@jit", "from triton import jit"),
        ("@fast", "from triton import jit as fast"),
        ("@jit", "from triton import *"),
        ("@triton.jit(do_not_specialize=['n'])", "import triton"),
        ("@triton.jit()", "import triton"),
        ("@triton.autotune(configs=[], key=[])\n@triton.heuristics({})\n@triton.jit", "import triton"),
        ("@triton.runtime.jit.jit", "import triton"),
        ("@triton.jit", "import torch"),
    ],
)
def test_kernels_however_the_decorator_is_spelt(decorators, imports):
    assert read_kernel_file("k.py", kernel(decorators, imports)).kernels == ("k",)


@pytest.mark.parametrize(
    ("decorators", "imports"),
    [
        ("@jit", "from numba import jit"),
        ("@torch.jit.script", "import torch"),
        ("@jit.me", "import jit"),
        ("", "import triton"),
    ],
)
def test_other_decorators_make_no_kernel(decorators, imports):
    with pytest.raises(SourceError, match=r"no @triton\.jit kernel"):
        read_kernel_file("k.py", kernel(decorators, imports))


def test_kernels_stand_in_order_of_the_file():
    text = "import triton\n@triton.jit\ndef b(): pass\nif True:\n    @triton.jit\n    def a(): pass\n" + MODEL
    assert read_kernel_file("k.py", text).kernels == ("b", "a")


@pytest.mark.parametrize(
    ("text", "first_line", "message"),
    [
        ("", 1, "k.py:1: the file is empty;"),
        ("\n \n", 7, "k.py:7: the file is empty;"),
        ("x = 1\ndef f(:\n", 1, "k.py:2: not valid Python: "),
        ("x = 1\ndef f(:\n", 53, "k.py:54: not valid Python: "),
        ("return 1\n", 1, "k.py:1: not valid Python: "),
        ("x = '\n", 1, "k.py:1: not valid Python: "),
        ("x = 1\ny = 2\n", 1, "k.py:2: no class ModelNew;"),
        (MODEL, 5, "k.py:5: no @triton.jit kernel;"),
    ],
)
def test_faults_name_file_line_and_remedy(text, first_line, message):
    with pytest.raises(SourceError) as caught:
        read_kernel_file("k.py", text, first_line)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.line) == (str(caught.value), caught.value.line)


def test_deep_nesting_is_refused_and_does_not_crash():
    with pytest.raises(SourceError, match=r"k\.py"):
        read_kernel_file("k.py", "x = " + "(" * 5000 + ")" * 5000 + "\n" + kernel("@triton.jit"))


def test_arguments_of_the_model():
    text = kernel("@triton.jit").replace(
        "    def forward(self, x): return x\n",
        "    def __init__(self, n: int, scale=1.5): pass\n"
        "    def forward(self, x: torch.Tensor, /, y, *rest, causal=True, **more): return x\n",
    )
    source = read_kernel_file("k.py", text)
    assert model_forward(source) == ("x", "y", "*rest", "causal", "**more")
    signature = model_signature(source)
    assert signature.forward[0] == ModelArgument(name="x", annotation="torch.Tensor")
    assert signature.forward[3] == ModelArgument(name="causal", default="True")
    assert signature.init == (
        ModelArgument(name="n", annotation="int"),
        ModelArgument(name="scale", default="1.5"),
    )


def test_arguments_are_inherited_within_the_file():
    text = kernel("@triton.jit").replace(MODEL, "class Base(nn.Module):\n    def forward(self, q): pass\n")
    assert model_forward(read_kernel_file("k.py", text + "class ModelNew(Base):\n    pass\n")) == ("q",)
    with pytest.raises(SourceError, match="no forward"):
        model_forward(read_kernel_file("k.py", text + "class ModelNew(nn.Module):\n    pass\n"))
