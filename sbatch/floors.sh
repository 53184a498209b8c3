#!/usr/bin/env bash
#SBATCH --job-name=repal-floors
#SBATCH --array=0-9
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A.log

# Noise floors and draws of systems: sbatch sbatch/floors.sh. What can be set is in job.sh.
trap is_out_of_time=yes USR1
# Schedulers run a copy of this script.
for here in "${REPAL_SCRIPTS:-}" "$(dirname "$(scontrol show job "${SLURM_JOB_ID:-}" 2>/dev/null | sed -n "/^ *Command=/{s///p;q}")")" \
    "$(dirname "$0")" "${PBS_O_WORKDIR:-${SGE_O_WORKDIR:-.}}/sbatch"; do
    [ ! -e "$here/job.sh" ] || break
done
# shellcheck source=sbatch/job.sh
. "$here/job.sh" || exit 2
run_part run --stage floors
