#!/usr/bin/env bash
# Times every rewritten example against its input on the GPU in this machine: its own code, and the sm_89 code path.
# Usage: benchmarks/run_examples.sh OUT_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?"name a folder for the results"}
mkdir -p "$out"
export TRITON_DEFAULT_FP_FUSION=1 PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}src"
compare() {  # name, SPEC, input
    python3 benchmarks/compare_files.py --rounds 100 --inputs "$2" "$3" "examples/$1/output.py" > "$out/$1_native.json"
    python3 benchmarks/compare_files.py --rounds 100 --arch 89 --inputs "$2" "$3" "examples/$1/output.py" \
        > "$out/$1_sm89_path.json"
}
compare seed "A=f32[8192,2048] B=f32[4096,8192]" tests/data/seed_kernel.py
compare batched_matmul "A=f32[128,512,1024] B=f32[128,1024,2048]" examples/batched_matmul/input.py
compare linear_gelu "x=f32[2048,1024]" examples/linear_gelu/input.py
compare flat_grid_matmul "A=f32[4096,4096] B=f32[4096,4096]" examples/flat_grid_matmul/input.py
