# shellcheck shell=bash
# What the jobs have in common; they read this file. Settings, from the environment of sbatch:
#
#   REPAL_STUDY     attractors, neurotasks (default) or recordings
#   REPAL_CONFIG    configuration; default: config.yaml where the job was submitted, else the one that came with repal
#   REPAL_RESULTS   folder of all results (default: results); logs are in its <study>/logs
#   REPAL_SHARDS    parts that a stage is cut into; default: the tasks of the array, which count from 0
#   REPAL_PROGRAM   default: the repal that these scripts came with, else the one in the path
#   REPAL_RESTARTS  how often a job goes on after its time limit, at most (default: 100)
#   REPAL_PLUGIN_PATH, REPAL_ISOLATE, REPAL_PLUGIN_TIMEOUT  plugins of your own; repal itself reads them
#
# Time, memory, partition and account are options of sbatch.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
study=${REPAL_STUDY:-neurotasks}
results=${REPAL_RESULTS:-results}

config=${REPAL_CONFIG:-config.yaml}
[ -n "${REPAL_CONFIG:-}" ] || [ -e "$config" ] || config=$here/../config.yaml

# In a package, in a source tree that was built, installed.
repal=${REPAL_PROGRAM:-repal}
for program in "$here/../bin/repal" "$here/../build/release/bin/repal" "$here/../../../bin/repal"; do
    [ -z "${REPAL_PROGRAM:-}" ] && [ -x "$program" ] && repal=$(realpath -s "$program") && break
done

# run COMMAND [OPTION...]: that command of repal, until it ends or is to go on later.
run() {
    local command=$1 pid watcher code=0 job=$SLURM_JOB_ID
    shift
    # Not the number of this task alone: one task has the number of the whole array.
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    mkdir -p "$results/$study/logs"
    exec >>"$results/$study/logs/$SLURM_JOB_NAME-$job.log" 2>&1
    echo "$(date '+%F %T') job $job on ${SLURMD_NODENAME:-$(hostname)}, restart ${SLURM_RESTART_COUNT:-0}:" \
        "repal $command $study $*"

    "$repal" "$command" "$study" --config "$config" --results "$results" "$@" &
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
        if [ "${SLURM_RESTART_COUNT:-0}" -ge "${REPAL_RESTARTS:-100}" ]; then
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

# The same, of the part of a stage that is this task's.
run_part() {
    run "$@" --array "${SLURM_ARRAY_TASK_ID:-0}/${REPAL_SHARDS:-${SLURM_ARRAY_TASK_COUNT:-1}}"
}
