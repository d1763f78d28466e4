# What the scripts here share; to be sourced. Needs $out, the folder of the results, and sets $status to 1 on a failure.
# shellcheck shell=bash
status=0
running=

# In the background, so that the script can end a part, and see to its results, when it is told to end itself.
part() { # NAME SECONDS COMMAND...
    local name=$1 limit=$2 began=$SECONDS code
    shift 2
    timeout --kill-after=5 "$limit" "$@" >"$out/$name.log" 2>&1 &
    running=$!
    wait "$running"
    code=$?
    running=
    tail -n 5 "$out/$name.log"
    echo "$name: exit code $code (124: out of time) after $((SECONDS - began)) s"
    [ "$code" -eq 0 ] || status=1
}
