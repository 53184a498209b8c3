#!/usr/bin/env bash
# An array of jobs on this machine, without a scheduler: N tasks at once, each with its share of the processors.
#
#   scripts/local-array.sh N SCRIPT      e.g. scripts/local-array.sh 4 sbatch/train.sh
#
# Settings are those of sbatch/job.sh, e.g. REPAL_STUDY=recordings; logs are in results/<study>/logs. Exit code: the largest of
# the tasks'. A signal ends all of them; called again, they go on.
set -euo pipefail

usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 6 >&2; exit 2; }
die() { echo "local-array: $*" >&2; exit 2; }

[ $# -eq 2 ] || usage
[[ $1 =~ ^[1-9][0-9]*$ ]] || die "$1: expected a number of tasks from 1 on"
script=$2
[ -f "$script" ] || script=$(dirname "$0")/../$2
[ -f "$script" ] || die "$2: no such script"
logs=${REPAL_RESULTS:-results}/${REPAL_STUDY:-neurotasks}/logs

export REPAL_SHARDS=$1
processors=$(nproc)
pids=()
for signal in INT TERM HUP USR1; do
    # shellcheck disable=SC2064
    trap "kill -$signal \"\${pids[@]}\" 2>/dev/null || :" "$signal"
done
for ((part = 0; part < REPAL_SHARDS; ++part)); do
    jobs=$(((processors + REPAL_SHARDS - 1 - part) / REPAL_SHARDS))
    REPAL_PART=$part REPAL_JOBS=$((jobs > 0 ? jobs : 1)) bash "$script" &
    pids+=($!)
done
largest=0
for ((part = 0; part < REPAL_SHARDS; ++part)); do
    # A signal ends the waiting, not the task.
    while :; do
        wait "${pids[part]}" && code=0 || code=$?
        kill -0 "${pids[part]}" 2>/dev/null || break
    done
    [ "$code" -eq 0 ] || echo "local-array: part $part of $REPAL_SHARDS ended with code $code; its log is in $logs" >&2
    [ "$code" -le "$largest" ] || largest=$code
done
exit "$largest"
