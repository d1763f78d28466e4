#!/usr/bin/env bash
# What is run by hand on a machine with a GPU: tests/gpu/run_all.sh FOLDER. Takes about ten minutes on 16 cores.
# Needs torch, triton, numpy, pytest, pytest-xdist, libcst, rich and platformdirs; writes JSON and logs into FOLDER.
set -u
out=$(realpath "${1:?name a folder for the results}")
mkdir -p "$out"
cd "$(dirname "$0")/../.."
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}src" TRITON_DEFAULT_FP_FUSION=1 PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

timeout 90 "$python" benchmarks/proof_cost.py --device cuda --count 4 --json "$out/proof_cost_gpu.json" \
    2>&1 | tee "$out/proof_cost_gpu.log" | tail -n 2

TILEWRIGHT_RESULTS="$out/part_" timeout 240 "$python" -m pytest -q -n 5 --dist loadgroup -p no:cacheprovider \
    tests/gpu/test_adversarial.py >"$out/adversarial.log" 2>&1
tail -n 3 "$out/adversarial.log"
"$python" - "$out" <<'P'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
rows, facts = [], {}
for part in sorted(folder.glob("part_*")):
    facts = json.loads(part.read_text())
    rows += facts.pop("files")
    part.unlink()
(folder / "adversarial_gpu.json").write_text(json.dumps(facts | {"files": sorted(rows, key=lambda r: r["name"])}, indent=1) + "\n")
print(f"{sum(not row['complaint'] for row in rows)} of {len(rows)} files as expected")
P

timeout 260 "$python" tests/gpu/stress_candidates.py --parallel 6 --seconds 210 --json "$out/stress_gpu.json" \
    --ignore "$out*" >"$out/stress.log" 2>&1
grep -a -m1 '"right"' "$out/stress_gpu.json"
