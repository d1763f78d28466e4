"""What a watch tells of calls: run in one worker, files as small as the trick."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tilewright.prove.prover import ENVIRONMENT
from tilewright.workers import Worker

HEADER = "import torch\nimport torch.nn as nn\nimport triton\nimport triton.language as tl\n\n\n"
KERNEL = """
@triton.jit
def double_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n, other=0.0)
    tl.store(y_ptr + offsets, x + x, mask=offsets < n)


def double(x):
    y = torch.empty_like(x)
    double_kernel[(triton.cdiv(x.numel(), 512),)](x, y, x.numel(), BLOCK=512)
    return y


"""


def file_text(body: str, before: str = "", kernel: str = KERNEL) -> str:
    """Return a file whose model runs ``body``, a function body of ``self, x``."""
    lines = "\n".join("        " + line for line in body.splitlines())
    return f"{HEADER}{before}{kernel}class ModelNew(nn.Module):\n    def forward(self, x):\n{lines}\n"


HERE = str(Path(__file__).parent)
NUMBERS = itertools.count()
Look = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def watcher() -> Iterator[Worker]:
    with Worker(environment={**ENVIRONMENT, "PYTHONPATH": HERE}, preload=("torch", "triton")) as worker:
        yield worker


@pytest.fixture
def look(watcher: Worker) -> Look:
    """Watch one call, or the given ones, of a file's model."""

    def run(text: str, *calls: dict[str, Any]) -> list[dict[str, Any]]:
        path = watcher.folder / f"candidate_{next(NUMBERS)}.py"
        path.write_text(text)
        outcome = watcher.call("watched:watch", {"path": str(path), "calls": list(calls) or [{}]}, timeout_s=60)
        assert outcome.kind == "returned", f"{outcome.error_type}: {outcome.message} {outcome.stderr_tail}"
        assert isinstance(outcome.value, list)
        return outcome.value

    return run


QUIET = {"torch_ops": [], "patched": [], "threads": 0, "processes": 0, "streams": 0, "subclass": [], "events": {}}


def test_an_honest_file_shows_its_launches_and_nothing_else(look: Look) -> None:
    (seen,) = look(file_text("return double(double(x))"))
    assert seen["launches"] == [{"kernel": "double_kernel", "own": True, "count": 2}]
    assert {name: seen[name] for name in QUIET} == QUIET
    assert (seen["atomics"], seen["odd"], seen["value"]) == (False, [], 4.0)


def test_launches_without_effect_leave_fresh_memory(look: Look) -> None:
    text = file_text("return double(x)")
    before, during, after = look(text, {}, {"no_op": True}, {})
    assert [seen["value"] for seen in (before, during, after)] == [2.0, None, 2.0]
    assert during["launches"] == before["launches"]


def test_a_memo_still_answers_without_launches(look: Look) -> None:
    body = "if not hasattr(self, 'y'):\n    self.y = double(x)\nreturn self.y"
    assert [seen["value"] for seen in look(file_text(body), {}, {"no_op": True})] == [2.0, 2.0]


def test_tuners_heuristics_and_compile_only_launches(look: Look) -> None:
    kernel = KERNEL.replace(
        "@triton.jit",
        "@triton.autotune([triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 256})], key=['n'])\n"
        "@triton.heuristics({'EVEN': lambda named: named['n'] % named['BLOCK'] == 0})\n@triton.jit",
    )
    kernel = kernel.replace("n, BLOCK", "n, EVEN: tl.constexpr, BLOCK").replace(", BLOCK=512)", ")")
    kernel = kernel.replace("(triton.cdiv(x.numel(), 512),)", "lambda META: (triton.cdiv(x.numel(), META['BLOCK']),)")
    body = "double_kernel.fn.fn.warmup(x, x, 1, EVEN=True, BLOCK=64, grid=(1,))\nreturn double(x)"
    (seen,) = look(file_text(body, kernel=kernel))
    assert seen["launches"] == [{"kernel": "double_kernel", "own": True, "count": 1}]
    assert seen["value"] == 2.0


def test_a_kernel_of_another_file_is_foreign(look: Look, watcher: Worker) -> None:
    (watcher.folder / "elsewhere.py").write_text(file_text("return x"))
    before = (
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('elsewhere', {str(watcher.folder / 'elsewhere.py')!r})\n"
        "elsewhere = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(elsewhere)\n"
    )
    (seen,) = look(file_text("return elsewhere.double(x)", before))
    assert seen["launches"] == [{"kernel": "double_kernel", "own": False, "count": 1}]


@pytest.mark.parametrize(
    ("body", "op", "elements"),
    [
        ("return double(x) @ x", "aten::mm", 4096),
        ("return torch.nn.functional.linear(double(x), x[:2])", "aten::mm", 4096),
        ("return torch.softmax(double(x), -1)", "aten::_softmax", 4096),
        ("return double(x).sum(-1)", "aten::sum", 4096),
        ("double(x)\nreturn torch.from_numpy(x.numpy() * 2)", "host::numpy", 4096),
        ("double(x)\nreturn torch.tensor(x.tolist()) * 2", "host::tolist", 4096),
        ("double_kernel[lambda META: (x.cumsum(0).shape[0],)](x, x, 0, BLOCK=4)\nreturn x", "aten::cumsum", 4096),
    ],
)
def test_computations_of_torch_are_written_down(look: Look, body: str, op: str, elements: int) -> None:
    (seen,) = look(file_text(body))
    assert {entry["op"]: entry["elements"] for entry in seen["torch_ops"]}[op] == elements


@pytest.mark.parametrize(
    "body",
    [
        "return double(x).to(torch.float16).t().contiguous()",
        "y = torch.zeros(8, device='cuda')\ndouble(y.reshape(2, 4)[0])\nreturn y.fill_(double(x).size(0))",
        "return double(x.expand(3, 64, 64).contiguous()).view(-1).clone()",
    ],
)
def test_allocations_views_and_copies_are_no_computations(look: Look, body: str) -> None:
    (seen,) = look(file_text(body))
    assert seen["torch_ops"] == []


def test_a_sum_of_what_a_kernel_left_in_scratch_memory_is_told_apart(look: Look) -> None:
    (seen,) = look(file_text("return double(x).view(4, -1).sum(0), x.view(4, -1).sum(0)"))
    told = {(entry["workspace"], entry["factor"]) for entry in seen["torch_ops"] if entry["op"] == "aten::sum"}
    assert told == {(True, 4), (False, 4)}


@pytest.mark.parametrize(
    ("patch", "name"),
    [
        ("torch.cuda.Event.record = lambda *a: None", "torch.cuda.streams.Event.record|torch.cuda.Event.record"),
        ("setattr(torch.cuda, 'synchronize', lambda *a: None)", "torch.cuda.synchronize"),
        ("import time\ntime.perf_counter_ns = lambda: 0", "time.perf_counter_ns"),
        ("import numpy\nnumpy.save = lambda *a, **k: None", "numpy.save"),
        ("import json\njson.load.__code__ = (lambda *a, **k: 1).__code__", "json.load"),
        ("torch.Tensor.sinh = torch.Tensor.cosh", "torch.Tensor.sinh"),
        ("old = nn.Module.__call__\nnn.Module.__call__ = lambda *a, **k: old(*a, **k)", "torch.nn.Module.__call__"),
        ("import builtins\nbuiltins.secret = 1", "builtins.secret"),
        ("triton.runtime.jit.JITFunction.run = lambda *a, **k: None", "triton.runtime.jit.JITFunction.run"),
        ("tl.core.load = tl.core.store", "triton.language.core.load"),
        ("import tilewright.prove.bounds as b\nb.check = lambda *a: None", "tilewright.prove.bounds.check"),
        ("torch.set_float32_matmul_precision('medium')", "torch.set_float32_matmul_precision"),
        ("import sys\nsys.setprofile(lambda *a: None)", "sys.setprofile"),
    ],
)
def test_replaced_functions_are_named(look: Look, patch: str, name: str) -> None:
    undo = {
        "torch.set_float32_matmul_precision": "torch.set_float32_matmul_precision('highest')",
        "sys.setprofile": "sys.setprofile(None)",
    }
    module = patch.splitlines()
    body = "\n".join([*module, "return double(x)"])
    (seen,) = look(file_text(body))
    assert set(name.split("|")) & set(seen["patched"]), seen["patched"]
    if name in undo:
        look(file_text("import sys\n" + undo[name] + "\nreturn double(x)"))


def test_a_launch_function_that_is_replaced_during_the_call_is_named(look: Look) -> None:
    body = "from triton.runtime.interpreter import InterpretedFunction as F\nF.run = F.run.__get__(1)\nreturn x"
    (seen,) = look(file_text(body))
    assert seen["patched"] == ["triton.runtime.interpreter.InterpretedFunction.run"]


def test_threads_processes_and_streams(look: Look) -> None:
    thread = "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\n"
    process = "import subprocess\nsubprocess.run(['true'])\n"
    stream = "s = torch.cuda.Stream()\n"
    (seen,) = look(file_text(thread + process + stream + "return double(x)"))
    assert (seen["threads"], seen["processes"], seen["streams"]) == (1, 1, 1)
    assert seen["stream_names"] == ["torch.cuda.Stream"]
    assert {"subprocess.Popen", "_thread.start_new_thread"} <= seen["events"].keys()


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ("open('/dev/null').close()\nreturn double(x)", "open"),
        ("import sys\nsys._getframe(1)\nreturn double(x)", "sys._getframe"),
        ("import inspect\ninspect.stack()\nreturn double(x)", "sys._getframe"),
        ("import gc\ngc.get_objects()\nreturn double(x)", "gc.get_objects"),
        ("double.__code__\nreturn double(x)", "object.__getattr__"),
        ("exec('1 + 1')\nreturn double(x)", "exec"),
    ],
)
def test_files_and_frames_are_noticed(look: Look, body: str, event: str) -> None:
    (seen,) = look(file_text(body))
    assert event in seen["events"], seen["events"]


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("double(x).as_subclass(Lazy)", "output: type Lazy"),
        ("torch.empty_like(x, device='meta')", "output: no memory of its own"),
        ("torch.complex(x, x).conj()", "output: a lazy conjugate or negative, not yet computed"),
        ("(x, x.to_sparse())", "output[1]: layout torch.sparse_coo"),
        ("object()", "output: type object"),
    ],
)
def test_what_is_no_plain_tensor_is_named(look: Look, output: str, fault: str) -> None:
    (seen,) = look(file_text(f"return {output}", "class Lazy(torch.Tensor):\n    pass\n"))
    assert seen["odd"] == [fault]
    assert seen["subclass"] == ["Lazy"]


@pytest.mark.parametrize("name", ["tl.atomic_add", "helper"])
def test_atomics_are_found_in_kernels_and_their_helpers(look: Look, name: str) -> None:
    before = "@triton.jit\ndef helper(p, v, mask):\n    tl.atomic_add(p, v, mask=mask)\n\n\n"
    kernel = KERNEL.replace("tl.store(y_ptr + offsets, x + x, mask", f"{name}(y_ptr + offsets, x + x, mask").replace(
        "empty_like", "zeros_like"
    )
    (seen,) = look(file_text("return double(x)", before, kernel))
    assert (seen["atomics"], seen["value"]) == (True, 2.0)
