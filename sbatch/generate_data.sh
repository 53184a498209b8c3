#!/usr/bin/env bash
#SBATCH --job-name=repal-data
#SBATCH --array=0-3
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A.log

# Makes the data of a study: sbatch sbatch/generate_data.sh. What can be set is in job.sh.
trap is_out_of_time=yes USR1
# Schedulers run a copy of this script.
for here in "${REPAL_SCRIPTS:-}" "$(dirname "$(scontrol show job "${SLURM_JOB_ID:-}" 2>/dev/null | sed -n "/^ *Command=/{s///p;q}")")" \
    "$(dirname "$0")" "${PBS_O_WORKDIR:-${SGE_O_WORKDIR:-.}}/sbatch"; do
    [ ! -e "$here/job.sh" ] || break
done
# shellcheck source=sbatch/job.sh
. "$here/job.sh" || exit 2
run_part generate
