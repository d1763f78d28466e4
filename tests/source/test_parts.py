import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.source import Part, arrange, format_source, sections

MESSY = """# Licence: mine.

# sizes
import math
N = 2048  # only for get_inputs
EPS = 1e-5
SCALE = EPS * 2


class Model(nn.Module):
    def forward(self, x): return x


class ModelNew(nn.Module):
    def forward(self, x):
        return run(x, SCALE)


# launches
def run(x, scale):
    helper(x)
    return outer_kernel[(1,)](x, math.pi, scale)


def helper(x):
    assert x.is_cuda


import triton
import triton.language as tl
import torch
from torch import nn
torch.backends.cuda.matmul.allow_tf32 = True


def configs():
    return [triton.Config({"B": size}) for size in SIZES]


SIZES = (16, 32)


@triton.autotune(configs=configs(), key=[])
@triton.jit
def outer_kernel(x, y, z, B: tl.constexpr):
    inner(x)


# the inner one
@triton.jit
def inner(x):
    pass


def test_it():
    outer_kernel[(1,)](1)


def get_inputs():
    return [torch.rand(N)]


def get_init_inputs():
    return []


if __name__ == "__main__":
    print(ModelNew()(*get_inputs()))
# end
"""


def parts(text: str) -> list[tuple[str, str]]:
    return [(section.part.name, " ".join(section.names)) for section in sections(text)]


def test_every_statement_has_its_part():
    assert parts(MESSY) == [
        ("IMPORT", "math"), ("OTHER", "N"), ("CONSTANT", "EPS"), ("CONSTANT", "SCALE"), ("OTHER", "Model"),
        ("MODEL", "ModelNew"), ("WRAPPER", "run"), ("WRAPPER", "helper"), ("IMPORT", "triton"), ("IMPORT", "tl"),
        ("IMPORT", "torch"), ("IMPORT", "nn"), ("CONSTANT", ""), ("WRAPPER", "configs"), ("CONSTANT", "SIZES"),
        ("KERNEL", "outer_kernel"), ("KERNEL", "inner"), ("OTHER", "test_it"), ("OTHER", "get_inputs"),
        ("OTHER", "get_init_inputs"), ("OTHER", ""),
    ]  # fmt: skip


def test_sections_know_their_lines():
    found = sections("import a\n\n\n@dec\ndef f():\n    pass\n\n\nX = (\n    1,\n)\n")
    assert [(section.first_line, section.last_line) for section in found] == [(1, 1), (4, 6), (9, 11)]


def test_a_messy_file_is_put_in_order():
    arranged = arrange(MESSY)
    assert [name for part, name in parts(arranged) if part != "IMPORT"] == [
        "EPS", "SCALE", "", "SIZES", "inner", "configs", "outer_kernel", "run", "helper", "ModelNew"
    ]  # fmt: skip
    head = [line for line in arranged.split("\n") if line][:9]
    assert head == [
        "# Licence: mine.", "import torch", "from torch import nn", "import triton", "import triton.language as tl",
        "# sizes", "import math", "EPS = 1e-5", "SCALE = EPS * 2",
    ]  # fmt: skip
    assert "# launches\ndef run(x, scale):" in arranged
    assert "# the inner one\n@triton.jit\ndef inner(x):" in arranged
    for word in ("get_in", "__main__", "test_it", "2048", "class Model(", "# end"):
        assert word not in arranged
    assert arrange(arranged) == arranged
    laid_out = format_source(arranged)
    assert arrange(laid_out) == laid_out == format_source(laid_out)


NEW = "class ModelNew: pass\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("class Model: pass\nclass ModelNew(Model): pass\n", ["Model", "ModelNew"], id="base-class"),
        pytest.param("class ModelNew:\n    f = run\ndef run(): pass\n", ["run", "ModelNew"], id="needed-too-late"),
        pytest.param("def verify(): pass\nclass ModelNew:\n    f = verify\n", ["verify", "ModelNew"], id="used"),
        pytest.param("X = 1\n" + NEW, ["X", "ModelNew"], id="constant-of-nobody"),
        pytest.param(NEW + "out = ModelNew()\nprint(out)\n", ["ModelNew"], id="runs-the-model"),
        pytest.param("import torch\ntorch.manual_seed(0)\n" + NEW, ["torch", "", "ModelNew"], id="setting"),
        pytest.param("import torch\ntorch.testing.f(0)\n" + NEW, ["torch", "ModelNew"], id="torch-testing"),
        pytest.param("try:\n    import a\nexcept E:\n    a = None\n" + NEW, ["a", "ModelNew"], id="guarded-import"),
        pytest.param("A = 1\nB = A\nA = 2\n" + NEW, ["A", "B", "A", "ModelNew"], id="rebinding"),
        pytest.param(NEW + "@triton.jit\ndef k(): pass\nrun = k[(1,)]()\n", ["k", "ModelNew"], id="code-unasked"),
        pytest.param("def wrap(): pass\n" + NEW, ["ModelNew"], id="function-of-nobody"),
        pytest.param("print(1)\nassert True\nfor i in x: pass\n" + NEW, ["ModelNew"], id="loose-statements"),
    ],
)
def test_what_is_kept(text, kept):
    arranged = arrange("import triton\n" + text)
    names = [" ".join(section.names) for section in sections(arranged)]
    assert [name for name in names if name != "triton"] == kept
    assert arrange(arranged) == arranged


def test_docstring_and_future_stay_on_top():
    text = '# c\n\n"""Doc."""\nfrom __future__ import annotations\nimport os\nimport torch\n'
    assert arrange(text) == '# c\n\n"""Doc."""\n\nfrom __future__ import annotations\nimport torch\nimport os\n'


def test_parts_are_in_the_order_of_the_contract():
    assert [part.name for part in sorted(Part)] == ["IMPORT", "CONSTANT", "KERNEL", "WRAPPER", "MODEL", "OTHER"]


_PIECES = {
    "f": "def f(x):\n    return g(x) + A\n", "g": "def g(x):\n    return x * B\n", "A": "A = 3\n", "B": "B = A + 1\n",
    "C": "C = f(2)\n", "D": "def d(x=C):\n    return x\n",
    "M": "class ModelNew:\n    width = C\n    def forward(self): return d() + self.width + f(1)\n",
    "T": "def test_f(): raise AssertionError\n", "I": "import math\n",
}  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.permutations(["f", "g"]), st.permutations(["T", "I"]), st.integers(0, 6), st.integers(0, 6))
def test_arranged_files_import_and_mean_the_same(functions, others, first, second):
    order = ["A", "B", *functions, "C", "D", "M"]
    order.insert(first, others[0])
    order.insert(second, others[1])
    text = "\n".join(_PIECES[name] for name in order)
    arranged = arrange(text)
    results = []
    for version in (text, arranged):
        scope: dict[str, object] = {"__name__": "m"}
        exec(version, scope)
        results.append(scope["ModelNew"]().forward())
    assert results[0] == results[1]
    assert "test_f" not in arranged
    assert arrange(arranged) == arranged
