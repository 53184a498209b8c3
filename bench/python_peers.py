#!/usr/bin/python3
"""The package of Python beside what people use from Python, in one process, on the same arrays, alternating.

    bench/python_peers.py [--runs 3] [--systems 60] [--shape 50,100,64]

REPAL_LIBRARY names librepal_c.so, PYTHONPATH has python/ of this tree. Opponents are those that Python finds: netrep, rsatoolbox, DSA;
NumPy stands beside for CKA. Seconds for all pairs; of what would take an opponent more than a minute a few pairs are timed, and said. The
first lines compare with the engine alone: what `repal compare` of the same arrays as files takes less starting and reading.
"""
import argparse
import itertools
import os
import resource
import statistics
import sys
import time
import warnings

import numpy as np
import repal


def systems(n, shape):
    """Each (trial, time, channel): 10 latents that turn, seen in all channels, and noise."""
    trials, steps, channels = shape
    made = []
    for i in range(n):
        random = np.random.default_rng(i)
        turn = np.linalg.qr(random.standard_normal((10, 10)))[0] * 0.98
        x = np.empty((trials, steps, 10))
        x[:, 0] = random.standard_normal((trials, 10))
        for t in range(1, steps):
            x[:, t] = x[:, t - 1] @ turn + 0.1 * random.standard_normal((trials, 10))
        made.append(x @ random.standard_normal((10, channels)) + 0.1 * random.standard_normal((trials, steps, channels)))
    return made


def netrep_procrustes(x):
    from netrep.metrics import LinearMetric
    metric = LinearMetric(alpha=1.0)
    flat = [one.reshape(-1, one.shape[2]) for one in x]
    return lambda a, b: metric.fit_score(flat[a], flat[b])


def numpy_cka(x):
    flat = [one.reshape(-1, one.shape[2]) for one in x]
    flat = [one - one.mean(0) for one in flat]
    norms = [np.linalg.norm(one.T @ one) for one in flat]
    return lambda a, b: np.linalg.norm(flat[a].T @ flat[b]) ** 2 / norms[a] / norms[b]


def rsatoolbox_rsa(x):
    import rsatoolbox
    # One condition for each trial, its mean over time, as the option conditions=trial_means.
    rdms = [rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(one.mean(1)), method="euclidean") for one in x]
    return lambda a, b: rsatoolbox.rdm.compare(rdms[a], rdms[b], method="cosine")


def dsa_of_torch(x):
    from DSA import DSA
    return lambda a, b: DSA([x[a], x[b]], n_delays=5, rank=10, score_method="angular", verbose=False).fit_score()


OPPONENTS = [("procrustes", {}, "netrep", netrep_procrustes), ("cka", {}, "NumPy", numpy_cka),
             ("rsa", {"conditions": "trial_means", "comparison": "cosine"}, "rsatoolbox", rsatoolbox_rsa),
             ("dsa", {"n_delays": 5, "rank": 10}, "DSA", dsa_of_torch)]


def seconds(work, runs):
    taken = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--systems", type=int, default=60)
    options.add_argument("--shape", default="50,100,64")
    given = options.parse_args()
    warnings.simplefilter("ignore")
    shape = tuple(map(int, given.shape.split(",")))
    x = systems(given.systems, shape)
    size = sum(one.nbytes for one in x) / 2**20
    pairs = list(itertools.combinations(range(given.systems), 2))
    jobs = len(os.sched_getaffinity(0))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = [repal.System(one, str(i)) for i, one in enumerate(x)]
    print(f"{given.systems} systems of {shape}, {size:.0f} MiB; as systems of the library {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f} MiB more")
    for metric, chosen, name, make in OPPONENTS:
        asked = {metric: chosen}
        repal.compare(x[:2], metric=asked)
        arrays = seconds(lambda: repal.compare(x, metric=asked), given.runs)
        engine = seconds(lambda: repal.compare(held, metric=asked), given.runs)
        line = f"{metric:11} {len(pairs)} pairs on {jobs} threads: {arrays:.3f} s from arrays, {engine:.3f} s from systems that are there"
        try:
            make(x[:2])(0, 1)  # what is imported and compiled, once
            begin = time.perf_counter()
            of_pair = make(x)
            of_systems = time.perf_counter() - begin
        except ImportError:
            print(line + f"; there is no {name}")
            continue
        timed, begin = 0, time.perf_counter()
        while timed < len(pairs) and time.perf_counter() - begin < 20:
            of_pair(*pairs[timed])
            timed += 1
        theirs = of_systems + (time.perf_counter() - begin) / timed * len(pairs)
        print(line + f"; {name} {theirs:.2f} s ({timed} pairs timed), {theirs / arrays:.1f} times as long")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
