#!/usr/bin/env bash
# What the measured loop has to show on a machine with an H200: tests/gpu/run_measured.sh FOLDER [PART...].
# The parts are gpu_tests (150 s at most), seed and its report (365 s) and bench_trust (260 s); unless named, all of them.
# Needs what run_all.sh needs, and Jinja2, Pygments, cattrs and nvidia-ml-py; Nsight Compute for the counters.
# Writes into FOLDER: seed.py, seed_run.json, seed_certificate.json, seed_report.html, seed_report.md, bench_trust.json,
# profile_*, and a log of each part. Ends with 1 if a part failed or was cut short.
set -u
out=$(realpath -m "${1:?name a folder for the results}")
shift
mkdir -p "$out"
wanted=" ${*:-gpu_tests seed bench_trust} "
cd "$(dirname "$0")/../.." || exit 1
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}src" TRITON_DEFAULT_FP_FUSION=1 PYTHONUNBUFFERED=1
export TILEWRIGHT_STORE="$out/runs.sqlite" TILEWRIGHT_RESULTS="$out/profile_"
python=${PYTHON:-python3}
gpu=${GPU:-h200}
. tests/gpu/parts.sh
trap '[ -z "$running" ] || kill "$running" 2>/dev/null; exit 1' TERM INT HUP

asked() { [[ $wanted == *" $1 "* ]]; }

if asked gpu_tests; then
    part gpu_tests 150 "$python" -m pytest -q -p no:cacheprovider tests/gpu/test_profile.py tests/gpu/test_bench.py
fi
if asked seed; then
    part seed 305 "$python" -m tilewright optimize examples/seed/prompt.txt --reference examples/seed/reference.py \
        --gpu "$gpu" --stage all --precision same --device cuda \
        -o "$out/seed.py" --json "$out/seed_run.json" --certificate-out "$out/seed_certificate.json"
    part report 30 "$python" -m tilewright report last -o "$out/seed_report.html"
    part report_markdown 30 "$python" -m tilewright report last -o "$out/seed_report.md"
fi
if asked bench_trust; then
    part bench_trust 260 "$python" benchmarks/bench_trust.py --json "$out/bench_trust.json"
fi
exit "$status"
