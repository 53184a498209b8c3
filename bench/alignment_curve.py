#!/usr/bin/env python3
"""Quality of the alignment against its time: numbers of descents, over pairs of operators.

    bench/alignment_curve.py [--program build/release/bin/bench_alignment] [--reference 300] [--starts 0 7 14 ...] A.npy B.npy [C.npy D.npy ...]

The excess of an angle is its distance from the lowest one of the pair in this run, `--reference` descents among them.
One line for each number of descents; 0 is the default of the rank. Seconds are user time, medians of --runs.
"""
import argparse
import json
import os
import statistics
import subprocess

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run(program, pair, starts):
    with subprocess.Popen([program, *pair, "--starts", str(starts)] if starts else [program, *pair],
                          env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE) as process:
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{program} {' '.join(pair)}: exit code {process.returncode}")
    return json.loads(output), used.ru_utime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/bin/bench_alignment")
    parser.add_argument("--reference", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--starts", type=int, nargs="+", default=[1, 5, 10, 20, 0, 60, 120])
    parser.add_argument("operators", nargs="+")
    options = parser.parse_args()
    pairs = list(zip(options.operators[::2], options.operators[1::2], strict=True))

    # Alternating, so that a noisy machine is unfair to none.
    angles, seconds = {}, {}
    for pair in pairs:
        for _ in range(options.runs):
            for starts in options.starts:
                result, used = run(options.program, pair, starts)
                angles[pair, starts] = result["angle_rad"]
                seconds.setdefault((pair, starts), []).append(used)
    lowest = {pair: min([run(options.program, pair, options.reference)[0]["angle_rad"]] +
                        [angles[pair, starts] for starts in options.starts]) for pair in pairs}

    print("descents  mean ms  mean excess %  max excess %  within 0.2 %")
    for starts in options.starts:
        excess = [100 * (angles[pair, starts] / lowest[pair] - 1) if lowest[pair] > 1e-9 else 0 for pair in pairs]
        mean_ms = 1e3 * statistics.mean(statistics.median(seconds[pair, starts]) for pair in pairs)
        print(f"{starts or 'default':>8} {mean_ms:8.1f} {statistics.mean(excess):14.3f} {max(excess):13.3f} "
              f"{sum(x <= 0.2 for x in excess):7} of {len(pairs)}")


if __name__ == "__main__":
    main()
