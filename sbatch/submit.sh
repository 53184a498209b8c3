#!/usr/bin/env bash
# Submits a study as a chain of jobs: each stage begins when the one before has ended, whatever single items did, and the
# report is written in any case. Submitted again, it does what is missing.
#
#   sbatch/submit.sh STUDY [--shards N] [--config FILE] [--results DIR] [options of sbatch]
#
#   STUDY        attractors, neurotasks or recordings
#   --shards N   tasks of each job array (default: 10)
#   e.g.         sbatch/submit.sh neurotasks --shards 20 --partition=long --time=12:00:00 --mem=8G
set -eEuo pipefail

usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 9 >&2; exit 2; }
die() { echo "submit: $*" >&2; exit 2; }

here=$(cd "$(dirname "$0")" && pwd -P)
shards=10
options=()
[ $# -gt 0 ] || usage
while [ $# -gt 0 ]; do
    # Both forms, as sbatch has it.
    case $1 in --shards=* | --config=* | --results=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;; esac
    case $1 in
        -h | --help) usage ;;
        --shards | --config | --results) [ $# -gt 1 ] || die "$1 needs a value" ;;&
        --shards) shards=$2; shift ;;
        --config) export REPAL_CONFIG=$2; shift ;;
        --results) export REPAL_RESULTS=$2; shift ;;
        -*) options+=("$1") ;;
        *)
            # What follows an option of sbatch may be its value.
            if [ -z "${study:-}" ]; then study=$1; else options+=("$1"); fi ;;
    esac
    shift
done
[ -n "${study:-}" ] || usage
[[ $shards =~ ^[1-9][0-9]*$ ]] || die "--shards $shards: expected a number from 1 on"
command -v sbatch >/dev/null || die "there is no sbatch: this is not a machine of a Slurm cluster"
export REPAL_STUDY=$study REPAL_SHARDS=$shards
# The settings travel in the environment.
export SBATCH_EXPORT=ALL
for option in "${options[@]}"; do
    # sbatch takes abbreviations.
    [[ $option != --ar* && $option != -a* ]] || die "$option: the arrays are made of --shards"
    [[ $option != --dep* && $option != -d* ]] || die "$option: stages depend on each other, and nothing else can be waited for"
    [[ $option != --exp* || $option = --export=ALL* ]] || die "$option: jobs would not see their settings; use --export=ALL,..."
done

# The same settings as the jobs; a mistake is told here and now, not by a hundred of them.
# shellcheck source=sbatch/job.sh
. "$here/job.sh"
"$repal" plan "$study" ${config:+--config "$config"} --results "$results"
logs=$results/$study/logs
mkdir -p "$logs"

# A line of the plan for each job: {"job":"train","after":["generate_data"]}
mapfile -t lines < <("$repal" plan "$study" ${config:+--config "$config"} --results "$results" --json | grep '^{"job":' || :)
[ ${#lines[@]} -gt 0 ] || die "the study $study has nothing to do"

# bound NAME LIMIT MOST: so many shards are allowed by a limit of the cluster; the tightest counts.
fits='' tightest=''
bound() {
    [[ $2 =~ ^[1-9][0-9]*$ ]] || return 0
    if [ -z "$fits" ] || [ "$3" -lt "$fits" ]; then fits=$3 tightest=$1=$2; fi
}
limit_of() { scontrol show config | sed -n "s/^$1 *= *//p"; }
# Clusters without accounts have no limit of a user.
of_user=$(sacctmgr -nP show assoc user="$(id -un)" format=MaxSubmit 2>/dev/null | grep -E '^[0-9]+$' | sort -n | head -n 1 || :)
all_queued=$(squeue -h -r -o %i | wc -l) own_queued=$(squeue -h -r -u "$(id -un)" -o %i | wc -l)
array_size=$(limit_of MaxArraySize) job_count=$(limit_of MaxJobCount)
bound MaxArraySize "$array_size" "$array_size"
bound MaxJobCount "$job_count" $(((${job_count:-0} - all_queued - 1) / ${#lines[@]}))
bound MaxSubmitJobs "$of_user" $(((${of_user:-0} - own_queued - 1) / ${#lines[@]}))
[ -z "$fits" ] || [ "$shards" -le "$fits" ] ||
    die "--shards $shards: ${#lines[@]} arrays and a report exceed $tightest of this cluster; $(
        [ "$fits" -gt 0 ] && echo "--shards $fits fits" || echo "wait for jobs to end")"

jobs=()
undo() {
    trap - ERR INT TERM
    [ ${#jobs[@]} -eq 0 ] || { scancel "${jobs[@]}"; echo "submit: the chain is incomplete, its jobs are cancelled" >&2; }
    exit 1
}
trap undo ERR INT TERM

# submit SCRIPT AFTER...: the job begins when all of these have ended.
submit() {
    local script=$1 after=() array=(--array="0-$((shards - 1))" --output="$logs/%x-%A_%a.log") job
    shift
    [ $# -eq 0 ] || after=(--dependency="afterany$(printf ':%s' "$@")")
    [ "$script" != report.sh ] || array=(--output="$logs/%x-%j.log")
    # A controller that is busy is asked again and again, not for ever.
    job=$(trap - ERR; timeout "${REPAL_SUBMIT_TIMEOUT:-300}" sbatch --parsable "${array[@]}" "${after[@]}" "${options[@]}" "$here/$script")
    jobs+=("${job%%;*}")
    printf '%-28s job %s%s\n' "$script" "${job%%;*}" "${1:+, after $*}"
}

declare -A number
for line in "${lines[@]}"; do
    [[ $line =~ ^\{\"job\":\"([a-z_]+)\",\"after\":\[([a-z_,\"]*)\]\} ]] || continue
    name=${BASH_REMATCH[1]}
    after=()
    for other in $(tr -d '"' <<<"${BASH_REMATCH[2]}" | tr , ' '); do after+=("${number[$other]}"); done
    submit "$name.sh" "${after[@]}"
    number[$name]=${jobs[-1]}
done
submit report.sh "${jobs[@]}"
trap - ERR INT TERM
status=("$repal" status "$study" --results "$results" ${config:+--config "$config"})
printf 'watch:    squeue --me; %s;  tail -f %q/*\n' "$(printf ' %q' "${status[@]}")" "$logs"
printf 'cancel:   scancel %s\nreport:   %s\n' "${jobs[*]}" "$results/$study/report.html"
