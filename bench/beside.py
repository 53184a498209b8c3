#!/usr/bin/env python3
"""Two programs on the same input, alternating: medians of `seconds` and their ratio.

    bench/beside.py [--runs 5] 'PROGRAM ARGUMENTS' 'OPPONENT ARGUMENTS'

Each prints one line of JSON on standard output; the first one's numbers are compared with the second one's. Both run with
one thread of BLAS and OpenMP.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(command):
    completed = subprocess.run(shlex.split(command), env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if completed.returncode != 0:
        raise SystemExit(f"{command}\n{completed.stderr}")
    return json.loads(completed.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("program")
    parser.add_argument("opponent")
    options = parser.parse_args()

    results = [(run(options.program), run(options.opponent)) for _ in range(options.runs)]
    median = {}
    for side, name in enumerate(("program", "opponent")):
        numbers = {key for key, value in results[0][side].items() if type(value) in (int, float)}
        median[name] = {key: statistics.median(result[side][key] for result in results) for key in sorted(numbers)}
    shared = [key for key in median["program"] if median["opponent"].get(key)]
    ratio = {key: median["opponent"][key] / median["program"][key] for key in shared if median["program"][key]}
    print(json.dumps({"median": median, "opponent_over_program": ratio}, indent=2))


if __name__ == "__main__":
    main()
