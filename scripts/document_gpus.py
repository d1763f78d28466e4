"""Write docs/gpus.md from the catalog itself: ``python scripts/document_gpus.py``."""

from __future__ import annotations

from pathlib import Path

from tilewright.targets import gpu_facts, gpu_rows
from tilewright.targets.info import GpuRow

TARGET = Path(__file__).parents[1] / "docs" / "gpus.md"

INTRODUCTION = """# GPUs

Generated from the catalog (`src/tilewright/targets/catalog/`, one TOML file a GPU) by
`python scripts/document_gpus.py`. `tilewright gpus NAME` shows every number of one GPU with its source.

A name is read as people write it: `4090`, `RTX 4090` and `NVIDIA GeForce RTX 4090` are one GPU. A bare family name
means the entry that lists it: `A100` the card of 80 GB, `H100` the SXM5 one. To add a GPU, add its file; the tests
find it.
"""

UNITS = """
## Units

* **KB** is 1024 bytes and **MB** 2^20 bytes where they size a memory on the chip (shared memory, L2), as NVIDIA's
  tables write them. **GB** of device memory is 2^30 bytes: the nominal size, of which driver and ECC take a part.
* **GB/s** is 10^9 bytes a second, the peak that memory clock and bus width give. **TFLOP/s** is 10^12 operations a
  second; a multiplication with its addition is two.
* Rates are **dense**: datasheets since Ampere print the rate with 2:4 sparsity too, some of them only that one, and
  it is twice as high.
* The rate of FP16 is the one with **FP32 accumulation**, since that is what `tl.dot` does unless told otherwise.
  GeForce cards reach twice that rate with FP16 accumulation (the RTX 4090 330.3 instead of 165.2), the data centre
  and workstation cards here do not.
* Rates hold at boost clock. On H100 and H200 NVIDIA states the tensor-core rates at a lower clock (1830 MHz, PCIe
  1620 MHz) than the highest one, which the table shows.
* Shared memory is given for an SM and for one program at most (opt-in); from compute capability 8.0 on the driver
  keeps 1 KB of every resident program's for itself.
"""

READ = """
## What was read, and what was not

Every number in a file says what whoever wrote it had opened (`read`):

* `source`: the source itself. That is NVIDIA's own headers (`arch_traits.h`, `cuda_occupancy.h`), the report of a
  device about itself (`deviceQuery`, PyTorch's device properties), which people published, or a published
  measurement.
* `copy`: only somebody's copy or quotation of a document, or a table without one. NVIDIA's whitepapers, datasheets
  and briefs are all in this group: **none of the PDFs themselves was opened.** Where the makers' numbers and the
  device's report could both be found, they agree up to rounding.
* `none`: nothing; the number is from memory, and its source ends with "(not re-read)".

A test counts the second and the third kind, and the counts may only go down. The L2 bandwidths and latencies were
measured by others, some on a sister card with the same die, which the source then names.

| GPU | source | copy | none |
|---|---:|---:|---:|
"""

DOUBTS = """
Three numbers where sources contradict each other:

* **H200, L2**: 60 MB by a device's own report, 50 MB (the H100's) in a public table.
* **B200, bandwidth**: 7672 GB/s by clock and bus width, 7.7 TB/s in the datasheet; the 8 TB/s of many pages is the
  GB200's.
* **L40S, FP16**: the datasheet's 362.05 is less than 142 SMs at 2520 MHz make (366.4), while its rate with sparsity
  (733) is twice the latter. The datasheet's number stands.
"""

COLUMNS = (
    "GPU", "name", "CC", "SMs", "boost MHz", "memory GB", "GB/s", "FP32", "TF32", "FP16", "BF16",
    "shared KB an SM", "a program", "L2 MB",
)  # fmt: skip


def document() -> str:
    """Return the text of the page."""
    rows = gpu_rows()
    return "".join(
        [
            INTRODUCTION,
            "\n## The catalog\n\nFP32 to BF16 are TFLOP/s; the last three on tensor cores.\n\n",
            _line(COLUMNS),
            "|---|---|---|" + "---:|" * (len(COLUMNS) - 3) + "\n",
            *(_line(_cells(row)) for row in rows),
            UNITS,
            READ,
            *(_line((row.title, *(str(row.read[how]) for how in ("source", "copy", "none")))) for row in rows),
            "\n",
            *(f"* {row.title}, `copy`: {', '.join(_fields(row, 'copy'))}.\n" for row in rows if row.read["copy"]),
            *(f"* {row.title}, `none`: {', '.join(_fields(row, 'none'))}.\n" for row in rows if row.read["none"]),
            DOUBTS,
        ]
    )


def _cells(row: GpuRow) -> tuple[str, ...]:
    rates = (row.fp32_tflops, row.tf32_tflops, row.fp16_tflops, row.bf16_tflops)
    sizes = (row.shared_kb_per_sm, row.shared_kb_per_block, row.l2_mb)
    return (
        row.title,
        f"`{row.name}`",
        row.compute_capability,
        str(row.sm_count),
        f"{row.boost_clock_mhz:g}",
        f"{row.dram_gb:g}",
        f"{row.dram_gb_per_s:g}",
        *("–" if rate is None else f"{rate:g}" for rate in rates),
        *(f"{size:g}" for size in sizes),
    )


def _fields(row: GpuRow, how: str) -> list[str]:
    return [f"`{fact.field}`" for fact in gpu_facts(row.name) if fact.read == how]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
