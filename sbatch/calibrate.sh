#!/usr/bin/env bash
#SBATCH --job-name=repal-calibrate
#SBATCH --array=0-9
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A.log

# Intervals and p of pairs, after floors.sh: sbatch sbatch/calibrate.sh. What can be set is in job.sh.
trap is_out_of_time=yes USR1
# shellcheck source=sbatch/job.sh
. "$(dirname "$(scontrol show job "$SLURM_JOB_ID" | sed -n "/^ *Command=/{s///p;q}")")/job.sh"
run_part run --stage calibrate
