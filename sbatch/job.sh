# shellcheck shell=bash
# What the jobs have in common; they read this file. Settings, from the environment of sbatch:
#
#   REPAL_STUDY     attractors, neurotasks (default) or recordings
#   REPAL_CONFIG    configuration; default: config.yaml where the job was submitted, else that of the results, else the one that
#                   came with repal
#   REPAL_RESULTS   folder of all results (default: results); logs are in its <study>/logs
#   REPAL_SHARDS    parts that a stage is cut into; default: the tasks of the array. Task I does part I modulo that: to submit
#                   some tasks of an array of 10 again, name those, and 10
#   REPAL_JOBS      threads of a task (default: the processors that the scheduler gives it)
#   REPAL_SCRIPTS   the folder of these scripts, where the scheduler does not tell it (PBS, SGE)
#   REPAL_PROGRAM   default: the repal that these scripts came with, else the one in the path
#   REPAL_RESTARTS  how often a job goes on after its time limit, at most (default: 100)
#   REPAL_PLUGIN_PATH, REPAL_ISOLATE, REPAL_PLUGIN_TIMEOUT  plugins of your own; repal itself reads them
#
# Time, memory, partition and account are options of sbatch. Arrays of PBS and SGE are understood, too.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
study=${REPAL_STUDY:-neurotasks}
results=${REPAL_RESULTS:-results}

# Without one, repal takes the first two of these, and refuses where they differ and networks would be trained anew.
config=${REPAL_CONFIG:-}
[ -n "$config" ] || [ -e config.yaml ] || [ -e "$results/$study/config.yaml" ] || config=$here/../config.yaml

# In a package, in a source tree that was built, installed.
repal=${REPAL_PROGRAM:-repal}
for program in "$here/../bin/repal" "$here/../build/release/bin/repal" "$here/../../../bin/repal"; do
    [ -z "${REPAL_PROGRAM:-}" ] && [ -x "$program" ] && repal=$(realpath -s "$program") && break
done

# run COMMAND [OPTION...]: that command of repal, until it ends or is to go on later.
run() {
    local command=$1 pid watcher code=0 name job
    shift
    name=${SLURM_JOB_NAME:-${PBS_JOBNAME:-${JOB_NAME:-repal-$(basename "$0" .sh)}}}
    job=${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:-${PBS_JOBID:-${JOB_ID:-local}}}}
    # One task has the number of the whole array.
    [ -z "${task:-}" ] || job=${job%%[!0-9a-z]*}_$task
    mkdir -p "$results/$study/logs"
    exec >>"$results/$study/logs/$name-$job.log" 2>&1
    echo "$(date '+%F %T') job $job on ${SLURMD_NODENAME:-$(hostname)}, restart ${SLURM_RESTART_COUNT:-0}:" \
        "repal $command $study $*"

    "$repal" "$command" "$study" ${config:+--config "$config"} --results "$results" "$@" ${REPAL_JOBS:+--jobs "$REPAL_JOBS"} &
    pid=$!
    stop() {
        kill -USR1 "$pid" 2>/dev/null || :
        (sleep 90; kill -KILL "$pid" 2>/dev/null) &
        watcher=$!
    }
    # Near the time limit repal keeps its state and ends, soon; cancelled or preempted, it does the same.
    trap 'is_out_of_time=yes; stop' USR1
    trap 'kill -TERM "$pid" 2>/dev/null || :' TERM
    [ -z "${is_out_of_time:-}" ] || stop
    while :; do
        wait "$pid" && code=0 || code=$?
        kill -0 "$pid" 2>/dev/null || break
    done
    [ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null || :
    if [ -n "${is_out_of_time:-}" ] && [ "$code" -gt 128 ]; then
        if [ -z "${SLURM_JOB_ID:-}" ]; then
            echo "$(date '+%F %T') the time is over: submit it once more"
        elif [ "${SLURM_RESTART_COUNT:-0}" -ge "${REPAL_RESTARTS:-100}" ]; then
            echo "$(date '+%F %T') this job has been restarted ${SLURM_RESTART_COUNT} times; it ends here"
        else
            echo "$(date '+%F %T') the time is over; the job is queued again and goes on from here"
            # Slurm ends this script, which is not to end by itself with the code of a failure.
            scontrol requeue "$job" && exec sleep 600
            echo "$(date '+%F %T') it could not be queued again: submit it once more"
        fi
    fi
    echo "$(date '+%F %T') ended with code $code"
    exit "$code"
}

refuse() { echo "repal: $*" >&2; exit 2; }

greatest_common_divisor() { local a=$1 b=$2; while [ "$b" -gt 0 ]; do set -- "$b" $((a % b)); a=$1 b=$2; done; echo "$a"; }

# What the scheduler says of this task: its number `task` and, where they are known, the `first`, `last` and `step` of the
# array and the `count` of its tasks.
read_array() {
    task='' first='' last='' step='' count=''
    if [ -n "${REPAL_PART:-}" ]; then
        task=$REPAL_PART
    elif [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
        # shellcheck disable=SC2153
        task=$SLURM_ARRAY_TASK_ID first=${SLURM_ARRAY_TASK_MIN:-} last=${SLURM_ARRAY_TASK_MAX:-}
        step=${SLURM_ARRAY_TASK_STEP:-} count=${SLURM_ARRAY_TASK_COUNT:-}
    elif [ "${SGE_TASK_ID:-undefined}" != undefined ]; then
        task=$SGE_TASK_ID first=${SGE_TASK_FIRST:-} last=${SGE_TASK_LAST:-} step=${SGE_TASK_STEPSIZE:-}
        [ -z "$first" ] || [ -z "$last" ] || count=$(((last - first) / ${step:-1} + 1))
    else
        task=${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}
    fi
    # A scheduler that tells only some of it tells nothing.
    [ -n "$first" ] && [ -n "$last" ] && [ -n "$step" ] && [ -n "$count" ] || first='' last='' step='' count=''
}

# The same, of the part of a stage that is this task's: its number modulo the number of parts, so that arrays may count from
# 0 or 1, and tasks of either may be submitted again.
run_part() {
    local parts=${REPAL_SHARDS:-}
    read_array
    [[ -z $parts || $parts =~ ^[1-9][0-9]{0,8}$ ]] || refuse "REPAL_SHARDS=$parts: expected a number from 1 on"
    [[ -z $task || $task =~ ^[0-9]{1,9}$ ]] || refuse "the number of this task is '$task': expected one from 0 on"
    if [ -z "$task" ]; then
        [ "${parts:-1}" -eq 1 ] || refuse "this job is no array, and REPAL_SHARDS=$parts asks for that many tasks"
        run "$@" --array 0/1
    fi
    local written="the array has $count tasks from $first to $last" again="to submit some tasks of an array again, set REPAL_SHARDS to all that it had"
    if [ -z "$parts" ]; then
        [ -n "$count" ] || refuse "the scheduler does not tell how many tasks the array has: set REPAL_SHARDS to that"
        [ "$first" -le 1 ] || refuse "$written, not from 0 or 1; $again"
        [ "$count" -eq $(((last - first) / step + 1)) ] || refuse "$written, with gaps; $again"
        parts=$count
    fi
    # Several tasks must not do one part.
    if [ -n "$count" ] && [ "$((last - first))" -ge "$parts" ]; then
        local distinct=0
        [ "$count" -ne $(((last - first) / step + 1)) ] || distinct=$((parts / $(greatest_common_divisor "$step" "$parts")))
        [ "$count" -le "$distinct" ] ||
            refuse "$written, of which several may do the same of $parts parts; write --array=0-$((parts - 1))"
    fi
    run "$@" --array "$((10#$task % parts))/$parts"
}
