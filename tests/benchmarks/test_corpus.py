"""A corpus is run file by file; what becomes of one costs the others nothing, and the means say what they are of."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks/corpus.py"
MANIFEST = """
source = "here"

[[file]]
name = "product"
file = "examples/flat_grid_matmul/input.py"
inputs = "A=f32[4096,4096] B=f32[4096,4096]"
group = "products"

[[file]]
name = "pointwise"
file = "tests/data/inputs/elementwise.py"
inputs = "x=f32[64,64]"
group = "others"

[[file]]
name = "absent"
file = "tests/data/inputs/absent.py"
"""


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_corpus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    manifest = folder / "manifest.toml"
    manifest.write_text(MANIFEST)
    command = [sys.executable, str(SCRIPT), "--corpus", str(ROOT), "--manifest", str(manifest), "--gpu", "rtx4090"]
    command += ["--device", "none", "--stage", "grid_and_parallel", "--json", str(folder / "out.json"), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_a_corpus_is_run_and_a_run_goes_on(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "product", "pointwise", "--outputs", str(tmp_path / "outputs"))
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    product, pointwise = told["files"]
    assert told["manifest"] == {"name": "manifest.toml", "source": "here"}
    assert [kernel["lifted"] for kernel in product["kernels"]] == [True]
    assert [kernel["lifted"] for kernel in pointwise["kernels"]] == [False]
    assert "no tl.dot" in pointwise["kernels"][0]["reason"]
    assert pointwise["outcome"] == "unchanged"
    assert (tmp_path / "outputs/pointwise.py").read_text() == (ROOT / pointwise["file"]).read_text()
    assert (product["outcome"], product["provenance"]) == ("improved", "predicted")
    compile((tmp_path / "outputs/product.py").read_text(), "product.py", "exec")
    assert product["input_us"] > 0
    assert "swish_kernel is not lifted: the kernel multiplies no matrices" in done.stdout

    again = run(tmp_path, "--resume")
    assert again.returncode == 1, "a file that is not there is no success"
    assert "product …" not in again.stderr
    more = json.loads((tmp_path / "out.json").read_text())["files"]
    assert more[:2] == told["files"]
    assert (more[2]["outcome"], more[2]["kernels"]) == ("refused", [])
    assert "absent.py" in more[2]["reason"]


def row(name: str, speedup: float | None, provenance: str | None = "measured", group: str = "") -> dict[str, Any]:
    ratio = None if speedup is None else {"value": speedup, "low": speedup, "high": speedup}
    return {"name": name, "group": group, "speedup": ratio, "provenance": provenance}


def test_means_count_unchanged_files_and_keep_measured_and_predicted_apart(corpus: ModuleType) -> None:
    rows = [row("a", 4.0), row("b", None), row("c", 9.0, "predicted"), row("d", None, None)]
    found = {mean["provenance"]: (mean["speedup"], mean["files"]) for mean in corpus.means(rows)}
    assert found == {"measured": (pytest.approx(2.0), 2), "predicted": (pytest.approx(9.0), 1)}


def test_means_of_groups(corpus: ModuleType) -> None:
    rows = [row("a", 2.0, group="x"), row("b", 8.0, group="y")]
    assert {mean["of"]: mean["speedup"] for mean in corpus.means(rows)} == pytest.approx({"all": 4.0, "x": 2, "y": 8})


def test_json_lines_and_faults(corpus: ModuleType, tmp_path: Path) -> None:
    lines = tmp_path / "manifest.jsonl"
    lines.write_text('{"name": "a", "file": "a.py"}\n\n{"name": "b", "file": "b.py", "reference": "r.py"}\n')
    _, entries = corpus.read_manifest(lines)
    assert [(entry.name, entry.reference) for entry in entries] == [("a", None), ("b", "r.py")]
    for text in ("{", '{"name": "a"}\n', '{"name": "a", "file": "a", "speed": 1}\n', "", "3\n"):
        lines.write_text(text)
        with pytest.raises(SystemExit):
            corpus.read_manifest(lines)


def test_the_manifest_that_is_kept_here_can_be_read(corpus: ModuleType) -> None:
    about, entries = corpus.read_manifest(ROOT / "benchmarks/data/llmkernel_level1_matmul.toml")
    assert set(about) == {"source", "commit", "license"}
    assert len(entries) == 14
    assert all(entry.reference for entry in entries)


def test_a_run_that_crashes_is_a_row(corpus: ModuleType) -> None:
    ended = corpus._ended(corpus.Entry(name="a", file="a.py"), "crashed", "exit code -9")
    assert "a: exit code -9" in corpus.table([ended])
    assert ended["outcome"] in corpus.BAD
