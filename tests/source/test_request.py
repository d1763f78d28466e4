import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.errors import InputError, MetricsError, SourceError
from tilewright.records.source import OutputContract
from tilewright.source import arrange, read_request, read_request_text

PROMPT = Path(__file__).parents[2] / "examples/seed/prompt.txt"
CODE = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def copy_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    # [NOT A HEADING]
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=offsets < n), mask=offsets < n)


class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        copy_kernel[(triton.cdiv(x.numel(), 64),)](x, y, x.numel(), BLOCK=64)
        return y
"""


def document(**parts: str) -> str:
    text = {
        "gpu": "# Target GPU\nGPU Name: 4090\n• Number of SMs: 128\n",
        "stage": "## Current Optimization Stage\n\n**Focus**: Optimize grid layout.\n",
        "code": f"[CURRENT CODE]\n```python\n{CODE}```\n",
        "metrics": '[NCU PROFILING METRICS]\n{"copy_kernel": {"launch__grid_size": 12}}\n',
    } | parts
    return "\n".join(text.values())


def test_the_reference_prompt_is_read_whole():
    request = read_request(str(PROMPT))
    assert request.source.kernels == ("matmul_kernel",)
    assert request.source.first_line == 53
    lines = PROMPT.read_text().splitlines()
    assert request.source.text.splitlines()[0] == lines[52] == "import torch"
    assert request.gpu == "4090"
    assert request.stage == "grid_and_parallel"
    assert request.contract == OutputContract()
    assert request.target_overrides == {
        "architecture": "Ada Lovelace",
        "compute_capability": (8, 9),
        "sm_count": 128,
        "dram_gb_per_s": 1008.0,
        "tf32_tflops": 82.6,
        "bf16_tflops": 165.2,
        "fp16_tflops": 165.2,
        "max_registers_per_thread": 255,
        "max_threads_per_block": 1024,
        "max_threads_per_sm": 1536,
        "warp_size": 32,
        "max_warps_per_sm": 48,
        "shared_bytes_per_sm": 100 * 1024,
        "shared_bytes_per_block": 99 * 1024,
        "l2_bytes": 72 * 1024 * 1024,
    }
    assert request.metrics["matmul_kernel"]["sm__throughput.avg.pct_of_peak_sustained_elapsed"] == 37.63
    assert request.metrics["matmul_kernel"]["launch__grid_size"] == 2048
    assert len(request.metrics["matmul_kernel"]) == 5


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="crlf"),
        pytest.param(lambda text: text.replace("\n", "\r"), id="cr"),
        pytest.param(lambda text: "\ufeff" + text, id="byte-order-mark"),
        pytest.param(lambda text: text.replace("•", "-"), id="dashes"),
        pytest.param(lambda text: text.replace("• ", "*\t"), id="stars-and-tabs"),
        pytest.param(lambda text: text.replace("# Target GPU", "## TARGET GPU:"), id="heading-case"),
        pytest.param(lambda text: text.replace("[CURRENT CODE]", "[Current Code]"), id="bracket-case"),
        pytest.param(lambda text: text.replace("```python", "~~~ Python").replace("```", "~~~"), id="tildes"),
        pytest.param(
            lambda text: text.replace("[NCU PROFILING METRICS]\n", "[NCU PROFILING METRICS]\n```json\n"), id="json"
        ),
        pytest.param(lambda text: text.replace("\n\n[NCU", "\n\n\n\n[NCU"), id="blank-lines"),
        pytest.param(lambda text: text.replace("```\n\n[NCU", "\n[NCU"), id="code-fence-never-closed"),
        pytest.param(lambda text: text.replace("[CURRENT CODE]\n", ""), id="no-code-heading"),
        pytest.param(
            lambda text: text[: text.rindex("```python")] + "```python # <optimized Triton code>```\n", id="template"
        ),
        pytest.param(lambda text: text[: text.rindex("```python")], id="no-template"),
        pytest.param(lambda text: text.replace("[OPTIMIZATION STAGE]\n", ""), id="one-stage-heading"),
        pytest.param(
            lambda text: text.replace("[NCU PROFILING METRICS]", "### NCU Profiling Metrics"), id="hash-metrics"
        ),
        pytest.param(lambda text: text.replace("[NCU PROFILING METRICS]", "**Profiling metrics**:"), id="bold-metrics"),
        pytest.param(lambda text: text.replace("[CURRENT CODE]", "## Current Code"), id="hash-code"),
        pytest.param(lambda text: text.replace("[CURRENT CODE]", "### Kernel to optimize"), id="other-code-heading"),
        pytest.param(lambda text: "# A four-stage optimizer\n\n" + text, id="stage-in-the-title"),
        pytest.param(lambda text: text.replace("**Focus**:", "### Focus\n"), id="focus-as-heading"),
        pytest.param(lambda text: text.replace("# Target GPU\n", ""), id="no-gpu-heading"),
        pytest.param(lambda text: text.replace("• Number of SMs:", "* **Number of SMs**:"), id="bold-keys"),
        pytest.param(
            lambda text: text.replace("[NCU PROFILING METRICS]\n", "```json\n").replace(
                "}\n\n**Task", "}\n```\n**Task"
            ),
            id="fenced-metrics-without-heading",
        ),
    ],
)
def test_variations_of_the_prompt_say_the_same(change):
    plain = read_request_text("p.txt", PROMPT.read_text())
    changed = read_request_text("p.txt", change(PROMPT.read_text()))
    assert changed.source.text.strip() == plain.source.text.strip()
    line = re.split("\r\n|\n|\r", change(PROMPT.read_text()).lstrip("\ufeff"))[changed.source.first_line - 1]
    assert line == "import torch"
    for name in ("gpu", "target_overrides", "stage", "metrics", "contract"):
        assert getattr(changed, name) == getattr(plain, name), name


def test_a_python_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "k.py"
    path.write_bytes(b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode())
    request = read_request(str(path))
    assert request.source.text == CODE
    assert request.source.first_line == 1
    assert (request.gpu, request.stage, request.metrics) == (None, None, {})


def test_utf16_is_understood(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_bytes(document().encode("utf-16"))
    assert read_request(str(path)).source.text == CODE


def test_code_without_fences_is_found():
    request = read_request_text("p.txt", document(code=f"[CURRENT CODE]\n\n{CODE}"))
    assert request.source.text.strip() == CODE.strip()
    assert request.metrics == {"copy_kernel": {"launch__grid_size": 12.0}}
    assert request.source.first_line == document().split("\n").index("[CURRENT CODE]") + 3


def test_a_fence_inside_a_docstring_does_not_end_the_code():
    code = CODE.replace("    # [NOT A HEADING]\n", '    """Copies.\n\n```\nlike this\n```\n    """\n')
    request = read_request_text("p.txt", document(code=f"[CURRENT CODE]\n```python\n{code}```\n"))
    assert request.source.text == code


def test_an_indented_fence_loses_its_indentation():
    indented = "".join(f"  {line}" if line.strip() else line for line in CODE.splitlines(keepends=True))
    request = read_request_text("p.txt", document(code=f"[CURRENT CODE]\n  ```python\n{indented}  ```\n"))
    assert request.source.text == CODE


@pytest.mark.parametrize("missing", ["gpu", "stage", "metrics"])
def test_missing_sections_are_said_and_not_made_up(missing):
    request = read_request_text("p.txt", document(**{missing: ""}))
    empty = {"gpu": request.target_overrides or request.gpu, "stage": request.stage, "metrics": request.metrics}
    assert not empty[missing]
    assert any(missing in note.lower() for note in request.notes)


@pytest.mark.parametrize(
    ("focus", "stage"),
    [
        ("Optimize grid layout and parallel work distribution.", "grid_and_parallel"),
        ("Tune BLOCK_M/N/K tile sizes for the register and shared memory budget.", "block_tiling"),
        ("Optimize memory access patterns and coalescing.", "memory_access"),
        ("Advanced memory optimizations: prefetching, swizzling, double buffering.", "advanced_memory"),
        ("Stage: memory_access", "memory_access"),
        ("block-tiling", "block_tiling"),
        ("Grid & Parallel", "grid_and_parallel"),
        ("Make it nice.", None),
    ],
)
def test_stages_are_recognised_by_their_words(focus, stage):
    text = document(stage=f"[OPTIMIZATION STAGE]\n## Current Optimization Stage\n\n**Focus**: {focus}\n")
    assert read_request_text("p.txt", text).stage == stage


def test_units_of_the_gpu_block():
    block = """# Target GPU
GPU Name: H100 SXM
- Memory Bandwidth: 3.35 TB/s
- Compute Capability: sm_90
- L2 cache: 50MB
- Shared memory capacity per SM: 228 KiB
- Maximum threads per SM: 2,048
- Register File Size: 64K 32-bit registers per SM
- Maximum number of thread blocks per SM: 32
- FP32 TFLOPS: 67
- BF16 Tensor Core TFLOPS: N/A
- GPU Memory: 80GB
- Colour: green
"""
    request = read_request_text("p.txt", document(gpu=block))
    assert request.gpu == "H100 SXM"
    assert request.target_overrides == {
        "dram_gb_per_s": 3350.0,
        "compute_capability": (9, 0),
        "l2_bytes": 50 << 20,
        "shared_bytes_per_sm": 228 << 10,
        "max_threads_per_sm": 2048,
        "registers_per_sm": 65536,
        "max_blocks_per_sm": 32,
        "fp32_tflops": 67.0,
        "bf16_tflops": None,
        "dram_bytes": 80 << 30,
    }
    assert any("Colour" in note for note in request.notes)


def test_output_rules_of_their_own():
    rules = """
OUTPUT RULES (STRICT):
1. Follow this exact order:
   1. Imports
   2. Wrapper function(s) that launch
   3. @triton.jit decorated kernel function(s)
   4. class ModelNew(nn.Module)
2. Do NOT include: prints, `main`.
"""
    contract = read_request_text("p.txt", document() + rules).contract
    assert contract.order == ("imports", "wrappers", "kernels", "model")
    assert contract.forbidden == ("prints", "main")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        pytest.param("", 1, "empty", id="empty"),
        pytest.param(" \n\n", 1, "empty", id="blank"),
        pytest.param("Please make it fast.", None, "no Python block", id="prose"),
        pytest.param("[CURRENT CODE]\n", 1, "no code", id="no-code"),
        pytest.param("[CURRENT CODE]\n```python\nx = (1\n```\n", 3, "not valid Python", id="syntax"),
        pytest.param("[CURRENT CODE]\n```python\n\nx = 1\n```\n", 4, "no class ModelNew", id="no-model"),
        pytest.param("# Target GPU\n- Number of SMs: many\n" + document(gpu=""), 2, "'many'", id="gpu-number"),
    ],
)
def test_unusable_documents_say_what_and_where(text, line, word):
    with pytest.raises(SourceError) as caught:
        read_request_text("p.txt", text)
    assert caught.value.line == line
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metrics", "word"),
    [
        pytest.param("{'copy_kernel': 1}", "not JSON", id="python-dict"),
        pytest.param("launch__grid_size = 12", "not JSON", id="prose"),
        pytest.param('{"copy_kernel": {"a": 1,}}', "not JSON", id="trailing-comma"),
        pytest.param('{"other": {"a": 1}}', "copy_kernel", id="other-kernel"),
        pytest.param('{"copy_kernel": {"a": "12 %"}}', "not a number", id="text-value"),
        pytest.param('{"copy_kernel": 3}', "a number", id="no-object"),
    ],
)
def test_unusable_metrics_say_what_and_where(metrics, word):
    text = document(metrics=f"[NCU PROFILING METRICS]\n\n{metrics}\n")
    with pytest.raises(MetricsError) as caught:
        read_request_text("p.txt", text)
    assert word in str(caught.value)
    assert caught.value.line == text.split("\n").index(metrics) + 1


def test_unreadable_files_are_input_errors(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read_request(str(tmp_path / "absent.py"))
    with pytest.raises(SourceError, match="directory"):
        read_request(str(tmp_path))
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"x = 1\n\xff\xfe\x00\xd8")
    with pytest.raises(SourceError, match=":2: not text"):
        read_request(str(binary))
    zeros = tmp_path / "zeros.py"
    zeros.write_bytes(b"x = 1\n\0\0")
    with pytest.raises(SourceError, match=":2: not text"):
        read_request(str(zeros))


_LINE = st.one_of(
    st.text(max_size=30),
    st.sampled_from([
        "[CURRENT CODE]", "```python", "```", "~~~",
        "[NCU PROFILING METRICS]", '{"copy_kernel": {"a": 1}}', "{", "# GPU",
        "GPU Name: 4090", "Number of SMs: 12", "L2: x", "## Stage", "**Focus**: grid", "OUTPUT RULES:", "1. Imports",
        "class ModelNew: pass", "import triton", "@triton.jit", "def k(): pass", CODE.strip(),
    ]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_LINE, max_size=14))
def test_any_document_is_read_or_refused_in_one_line(lines):
    said = ""
    try:
        request = read_request_text("p.txt", "\n".join(lines))
    except InputError as error:
        said = str(error)
    else:
        assert request.source.kernels
    assert "\n" not in said


@settings(max_examples=30, deadline=None)
@given(
    order=st.permutations(["gpu", "stage", "code", "metrics"]),
    bullet=st.sampled_from(["•", "-", "*", "  -", "\t•", ""]),
    sms=st.integers(1, 500),
    grid=st.integers(1, 10**9),
    end=st.sampled_from(["\n", "\r\n"]),
    gap=st.integers(0, 3),
)
def test_sections_may_stand_in_any_order(order, bullet, sms, grid, end, gap):
    metrics = json.dumps({"copy_kernel": {"launch__grid_size": grid}}, indent=2)
    parts = {
        "gpu": f"# Target GPU\nGPU Name: 4090\n{bullet} Number of SMs: {sms}\n",
        "stage": "## Current Optimization Stage\n\n**Focus**: Optimize grid layout.\n",
        "code": f"[CURRENT CODE]\n```python\n{CODE}```\n",
        "metrics": f"[NCU PROFILING METRICS]\n{metrics}\n",
    }
    text = ("\n" * (gap + 1)).join(parts[name] for name in order)
    request = read_request_text("p.txt", text.replace("\n", end))
    assert request.source.text == CODE
    assert text.split("\n")[request.source.first_line - 1] == "import torch"
    assert request.gpu == "4090"
    assert request.target_overrides == {"sm_count": sms}
    assert request.metrics == {"copy_kernel": {"launch__grid_size": float(grid)}}
    assert request.stage == "grid_and_parallel"


def test_the_code_of_the_prompt_is_already_in_order():
    text = read_request(str(PROMPT)).source.text
    assert arrange(text).split() == text.split()
