"""What a wrapper launches, seen without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from capture_cases import DATA, LONG_S, TARGET, f32, run, source, text_source, values

from tilewright.capture import capture, capture_variants
from tilewright.errors import ReferenceFileError, SourceError, SpecError
from tilewright.records.launch import Capture, ConstexprArgument, ScalarArgument, TensorArgument
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.workers import Worker


@pytest.fixture(scope="module")
def worker(shelf) -> Iterator[Worker]:
    with shelf.worker(memory_bytes=3 << 30, environment={"TRITON_DEFAULT_FP_FUSION": "1"}) as worker:
        yield worker


@pytest.fixture(scope="module")
def seed(worker: Worker) -> Capture:
    return run(source("seed"), worker, f32("A", 8192, 2048), f32("B", 4096, 8192))


def test_the_seed_launches_once_on_its_grid(seed: Capture) -> None:
    (launch,) = seed.launches
    assert (launch.kernel, launch.ordinal, launch.grid) == ("matmul_kernel", 0, (32, 64, 1))
    assert (launch.num_warps, launch.num_ctas) == (4, 1)
    assert launch.configuration == {}
    lines = source("seed").text.splitlines()
    assert lines[launch.call_line - 1].strip().startswith("matmul_kernel[grid](")
    assert seed.error == ""
    assert seed.outputs == (f32("output0", 2048, 4096),)
    assert seed.assumptions == ()


def test_arguments_stand_in_the_kernels_order_with_types_and_origins(seed: Capture) -> None:
    arguments = seed.launches[0].arguments
    assert arguments[0] == TensorArgument(
        parameter="a_ptr", dtype="fp32", shape=(8192, 2048), strides=(2048, 1), offset=0, origin="input:0"
    )
    assert [each.origin for each in arguments[:3] if isinstance(each, TensorArgument)] == [
        "input:0",
        "input:1",
        "allocated:0",
    ]
    assert arguments[3] == ScalarArgument(parameter="M", dtype="i32", value=2048)
    assert arguments[6] == ScalarArgument(parameter="stride_am", dtype="i32", value=1)
    assert arguments[-1] == ConstexprArgument(parameter="USE_FP32_ACC", value=True)
    assert len(arguments) == 17


def test_specialisation_is_that_of_a_launch(seed: Capture) -> None:
    launch = seed.launches[0]
    head = launch.ttir[launch.ttir.index("tt.func") : launch.ttir.index("attributes")]
    assert "%stride_am" not in head, "a stride of 1 is a constant"
    assert "%stride_ak: i32 {tt.divisibility = 16 : i32}" in head
    assert "%a_ptr: !tt.ptr<f32> {tt.divisibility = 16 : i32}" in head
    generic = launch.generic_ttir[launch.generic_ttir.index("tt.func") : launch.generic_ttir.index("attributes")]
    assert "tt.divisibility" not in generic
    assert all(f"%{name}: i32" in generic for name in ("M", "K", "stride_am", "stride_bk", "stride_cn"))
    assert "BLOCK_SIZE_M" not in generic
    assert "source.py" in launch.ttir
    assert "/kernel_" not in launch.ttir, "the text does not depend on where the file lay"


def test_sizes_that_do_not_divide_by_16_are_not_specialised(worker: Worker) -> None:
    found = run(source("seed"), worker, f32("A", 100, 36), f32("B", 52, 100))
    head = found.launches[0].ttir.split("attributes")[0]
    assert "%M: i32 loc" in head
    assert "%stride_ak: i32 loc" in head
    assert found.launches[0].grid == (1, 1, 1)


def test_misaligned_views_and_large_numbers_are_typed_as_on_the_gpu(worker: Worker) -> None:
    text = (
        "@triton.jit\ndef k(x, y, n, m, f, flag):\n    tl.store(y, tl.load(x) + f + n + m)\n\n"
        "class ModelNew(nn.Module):\n    def forward(self, x):\n        y = torch.empty_like(x)\n"
        "        k[(1,)](x[1:], y, 1 << 40, x.stride(0), 0.5, True)\n        return y\n"
    )
    launch = run(text_source(text), worker, f32("x", 64, 65)).launches[0]
    head = launch.ttir.split("attributes")[0]
    assert "%x: !tt.ptr<f32> loc" in head, "65 elements of 4 bytes in: not aligned to 16 bytes"
    assert "%y: !tt.ptr<f32> {tt.divisibility = 16 : i32}" in head
    assert "%n: i64 {tt.divisibility = 16 : i32}" in head
    assert isinstance(launch.arguments[0], TensorArgument)
    assert (launch.arguments[0].offset, launch.arguments[0].shape) == (65, (63, 65))
    assert [each.dtype for each in launch.arguments if isinstance(each, ScalarArgument)] == ["i64", "i32", "fp32", "i1"]


def test_a_type_that_the_kernel_does_not_compile_for_is_data(seed: Capture, worker: Worker) -> None:
    variants = capture_variants(source("seed"), capture=seed, target=TARGET, worker=worker, timeout_s=LONG_S)
    assert list(variants) == ["fp32", "fp16", "bf16"]
    assert variants["fp32"].launches[0].ttir == seed.launches[0].ttir
    half = variants["fp16"].launches[0]
    assert (half.ttir, half.generic_ttir) == ("", "")
    assert half.error.startswith("line ")
    assert "Loop-carried variable accumulator" in half.error
    assert "\n" not in half.error
    assert half.grid == (32, 64, 1)
    assert variants["bf16"].inputs[0].dtype == "bf16"
    assert variants["bf16"].outputs[0].dtype == "bf16"


def test_files_that_hard_code_cuda_run(worker: Worker) -> None:
    found = run(source("hard_coded_cuda"), worker, f32("x", 130, 64))
    assert found.error == ""
    assert [launch.ordinal for launch in found.launches] == [0, 1, 2]
    assert {launch.grid for launch in found.launches} == {(128, 1, 1)}
    first, second, _ = (launch.arguments[0] for launch in found.launches)
    assert isinstance(first, TensorArgument)
    assert isinstance(second, TensorArgument)
    assert (first.shape, first.origin) == ((130, 63), "allocated:0")
    assert (second.shape, second.strides, second.offset, second.origin) == ((62, 130), (1, 64), 2, "input:0")
    assert [each.shape for each in found.outputs] == [(62, 130), (130,), (2,)]


def test_every_configuration_of_an_autotuner_is_captured(worker: Worker) -> None:
    found = run(source("autotuned"), worker, f32("x", 512, 64), f32("y", 512, 64))
    tuned = [launch for launch in found.launches if launch.kernel == "add_kernel"]
    assert [launch.configuration for launch in tuned] == [{"BLOCK": 256}, {"BLOCK": 1024}], "the third is pruned"
    assert {launch.ordinal for launch in tuned} == {0}
    assert [launch.grid for launch in tuned] == [(128, 1, 1), (32, 1, 1)]
    assert [(launch.num_warps, launch.num_stages) for launch in tuned] == [(2, 3), (8, 4)]
    assert all(values(launch.arguments)["EVEN"] is True for launch in tuned)
    after = found.launches[-1]
    assert (after.kernel, after.ordinal, after.num_warps, after.configuration) == ("double_kernel", 1, 1, {})
    assert isinstance(after.arguments[0], TensorArgument)
    assert after.arguments[0].origin == "allocated:0"


def test_a_reference_gives_shapes_and_init_arguments(worker: Worker) -> None:
    reference = str(DATA / "capture" / "helpers_reference.py")
    found = run(source("helpers_and_globals"), worker, reference=reference)
    assert found.init_arguments == (96, True)
    assert found.inputs == (f32("x", 1 << 20, 96),)
    first, second = found.launches
    assert (first.grid, second.grid) == ((1 << 20, 1, 1), (1 << 20, 2, 1))
    bias = first.arguments[1]
    assert isinstance(bias, TensorArgument)
    assert (bias.origin, bias.shape) == ("state:bias", (96,))
    assert second.arguments[1] == ConstexprArgument(parameter="bias_ptr", value=None)
    assert "6.000000e+00" in first.ttir, "the global and the helper are inside"
    assert "tt.call" not in first.ttir


def test_inputs_win_over_a_references_and_its_init_arguments_still_count(worker: Worker) -> None:
    reference = str(DATA / "capture" / "helpers_reference.py")
    found = run(source("helpers_and_globals"), worker, f32("x", 32, 96), reference=reference)
    assert found.init_arguments == (96, True)
    assert found.inputs == (f32("x", 32, 96),)


def test_a_descriptor_argument_shows_the_tensor_behind_it(worker: Worker) -> None:
    text = (
        "from triton.tools.tensor_descriptor import TensorDescriptor\n\n"
        "@triton.jit\ndef k(x, y, BLOCK: tl.constexpr, KIND: tl.constexpr):\n"
        "    tl.store(y + tl.arange(0, BLOCK), x.load([0]).to(KIND))\n\n"
        "class ModelNew(nn.Module):\n    def forward(self, x):\n        y = torch.empty_like(x)\n"
        "        k[(1,)](TensorDescriptor.from_tensor(x, [16]), y, BLOCK=16, KIND=tl.float32)\n        return y\n"
    )
    (launch,) = run(text_source(text), worker, f32("x", 64)).launches
    assert launch.arguments[0] == TensorArgument(
        parameter="x", dtype="fp32", shape=(64,), strides=(1,), offset=0, origin="input:0", block_shape=(16,)
    )
    assert launch.arguments[3] == ConstexprArgument(parameter="KIND", value="fp32")
    assert launch.ttir
    assert launch.generic_ttir


def test_a_grid_that_a_launcher_would_not_take_is_refused(worker: Worker) -> None:
    text = source("early_return").text.replace("triton.cdiv(x.numel(), 256)", "x.numel() / 256")
    with pytest.raises(SpecError, match="'float' object cannot be interpreted as an integer"):
        run(KernelSource(path="grid.py", text=text, kernels=()), worker, f32("x", 512))


def test_state_that_is_no_parameter_is_state_too_and_a_tensor_on_the_cpu_is_refused(worker: Worker) -> None:
    text = (
        "@triton.jit\ndef k(x, w):\n    tl.store(x, tl.load(w))\n\n"
        "class ModelNew(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.table = torch.ones(4)\n    def forward(self, x):\n        k[(1,)](x, self.table)\n"
        "        k[(1,)](x, torch.ones(4))\n        return x\n"
    )
    found = run(text_source(text), worker, f32("x", 4))
    (launch,) = found.launches
    assert isinstance(launch.arguments[1], TensorArgument)
    assert launch.arguments[1].origin == "state:table"
    assert "Pointer argument w cannot be accessed from Triton (cpu tensor?)" in found.error
    assert found.error.startswith("line 16: ")


def test_pruning_that_needs_a_gpu_leaves_every_configuration(worker: Worker) -> None:
    text = source("autotuned").text.replace(
        'config.kwargs["BLOCK"] <= named_args["n"]', 'named_args["x_ptr"].max().item() > 0'
    )
    found = run(KernelSource(path="prune.py", text=text, kernels=()), worker, f32("x", 512, 64), f32("y", 512, 64))
    assert [launch.configuration.get("BLOCK") for launch in found.launches] == [256, 1024, 1 << 18, None]


def test_a_data_dependent_branch_stops_the_capture_and_keeps_its_launches(worker: Worker) -> None:
    found = run(source("data_dependent"), worker, f32("x", 64, 64))
    assert len(found.launches) == 1
    assert found.launches[0].ttir
    assert found.error == "line 16: Tensor.item() needs values that only the GPU computes"


def test_an_early_return_inside_the_kernel_is_kept(worker: Worker) -> None:
    (launch,) = run(source("early_return"), worker, f32("x", 1000)).launches
    assert "cf.cond_br" in launch.ttir


def test_a_kernel_that_sizes_its_grid_with_its_own_registers(worker: Worker) -> None:
    (launch,) = run(source("occupancy_softmax"), worker, f32("x", 4096, 1000)).launches
    assert launch.grid[0] % 128 == 0
    assert launch.num_warps == 8


def test_tensors_hold_no_memory(worker: Worker) -> None:
    huge = f32("x", 1 << 17, 1 << 17)
    (launch,) = run(source("early_return"), worker, huge).launches
    assert values(launch.arguments)["n"] == 1 << 34


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        ((f32("A", 64, 64),), SpecError, ["forward(A, B) takes 2 inputs, and 1 are given"]),
        ((f32("A", 64, 32), f32("B", 16, 48)), SpecError, ["seed.py:105", "Dimension mismatch"]),
        ((f32("A", 64), f32("B", 16, 48)), SpecError, ["A.dim() == 2"]),
        ((TensorSpec(name="A", dtype="f33", shape=(2, 2)), f32("B", 2, 2)), SpecError, ["no dtype 'f33'"]),
    ],
    ids=["count", "assertion", "rank", "dtype"],
)
def test_inputs_that_do_not_fit_are_refused_in_one_line(
    worker: Worker, inputs: tuple[TensorSpec, ...], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        run(source("seed"), worker, *inputs)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("def get_inputs():\n    return [torch.rand(4, 8), torch.rand(4, 9)]\n", ["Dimension mismatch"]),
        ("def get_inputs():\n    return [torch.rand(4)]\n", ["takes 2 inputs, and 1 are given"]),
        ("def get_inputs(:\n", [":2", "SyntaxError"]),
        ("x = 1\n", ["no function get_inputs"]),
        ("def get_inputs():\n    return 1 / 0\n", [":3", "division by zero"]),
        (
            "def get_inputs():\n    return []\ndef get_init_inputs():\n    return [3]\n",
            ["ModelNew(3) raises TypeError"],
        ),
    ],
    ids=["shapes", "count", "syntax", "no function", "raises", "init"],
)
def test_a_reference_that_does_not_fit_is_refused_in_one_line(
    worker: Worker, tmp_path: Path, reference: str, words: list[str]
) -> None:
    file = tmp_path / "reference.py"
    file.write_text("import torch\n" + reference, encoding="utf-8")
    with pytest.raises(ReferenceFileError) as caught:
        run(source("seed"), worker, reference=str(file))
    message = str(caught.value)
    assert message.startswith(str(file))
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", ["given.py:16", "SyntaxError"]),
        ("import no_such_module\n", ["given.py:16", "no_such_module"]),
        ("x = 1\n", ["no class ModelNew"]),
        (
            "class ModelNew(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n",
            ["width", "--reference"],
        ),
    ],
    ids=["syntax", "import", "no model", "init"],
)
def test_a_file_that_does_not_run_is_refused_with_its_line(worker: Worker, text: str, words: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        run(text_source(text, first_line=11), worker, f32("x", 4))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_missing_reference_is_named(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(ReferenceFileError, match="cannot be read: No such file"):
        run(source("seed"), worker, reference=str(tmp_path / "absent.py"))


def test_a_hang_in_the_users_file_is_an_error_and_not_a_hang(worker: Worker) -> None:
    with pytest.raises(SourceError, match="more than 1 s"):
        capture(text_source("while True:\n    pass\n"), target=TARGET, worker=worker, timeout_s=1.0)
    assert run(source("early_return"), worker, f32("x", 10)).launches
