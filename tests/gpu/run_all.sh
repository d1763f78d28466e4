#!/usr/bin/env bash
# What is run by hand on a machine with a GPU: tests/gpu/run_all.sh FOLDER. Its parts may take 580 s together.
# Needs torch, triton, numpy, pytest, pytest-xdist, libcst, rich and platformdirs; writes JSON and logs into FOLDER:
# proof_cost_gpu.json, adversarial_gpu.json, stress_gpu.json. Each part has its own time and writes its results as it
# goes, so that whatever is cut short leaves what it had found. Ends with 1 if a part failed or was cut short.
set -u
out=$(realpath -m "${1:?name a folder for the results}")
mkdir -p "$out"
cd "$(dirname "$0")/../.." || exit 1
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}src" TRITON_DEFAULT_FP_FUSION=1 PYTHONUNBUFFERED=1
python=${PYTHON:-python3}
. tests/gpu/parts.sh

gather() {
    "$python" - "$out" <<'EOF'
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
parts = [json.loads(part.read_text()) for part in sorted(folder.glob("part_gw*")) if part.suffix != ".new"]
rows = sorted((row for part in parts for row in part.pop("files")), key=lambda row: row["name"])
if parts:
    (folder / "adversarial_gpu.json").write_text(json.dumps(parts[0] | {"files": rows}, indent=1) + "\n")
    print(f"{sum(not row['complaint'] for row in rows)} of {len(rows)} files as expected")
EOF
}

finish() {
    [ -z "$running" ] || kill "$running" 2>/dev/null
    gather || status=1
    exit "$status"
}
trap finish EXIT
trap 'status=1; exit 1' TERM INT HUP

rm -f "$out"/part_gw* "$out"/*_gpu.json
part proof_cost_gpu 100 "$python" benchmarks/proof_cost.py --device cuda --count 4 --parts \
    --json "$out/proof_cost_gpu.json"
part adversarial_gpu 235 env TILEWRIGHT_RESULTS="$out/part_" "$python" -m pytest -q -n 5 --dist loadgroup \
    -p no:cacheprovider tests/gpu/test_adversarial.py
gather
part stress_gpu 245 "$python" tests/gpu/stress_candidates.py --parallel 6 --seconds 200 \
    --json "$out/stress_gpu.json" --ignore "$out*"
grep -a -m1 '"right"' "$out/stress_gpu.json"
