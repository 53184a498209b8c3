#!/usr/bin/python3
"""Metrics beside the packages that people use, on the same arrays, one thread each, alternating.

    bench/peers.py BUILD [--runs 3] [--systems 4] [--only TEXT]

BUILD is a folder with bin/bench_dissimilarity. Packages are those that Python finds (PYTHONPATH): netrep, rsatoolbox,
scikit-learn, `metrics` of platonic-rep with PyTorch; NumPy stands beside where none has the measure. One line for each
measure: milliseconds for a system and for a pair, the opponent's for a pair, and the ratio for 100 systems (4,950 pairs), in
which a package that keeps something of a system does it once.
"""
import argparse
import importlib
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

SYSTEMS, PAIRS = 100, 4950


def samples(generator):
    """1,000 samples of 200 channels: 20 latents and noise."""
    latents = np.random.default_rng(0).normal(size=(1000, 20))
    return latents @ generator.normal(size=(20, 200)) + generator.normal(size=(1000, 200))


def conditions(generator):
    """100 conditions of 200 channels, each a trial of one step."""
    return samples(generator)[:100, None]


def wide(generator):
    """100 samples of 2,000 channels."""
    latents = np.random.default_rng(0).normal(size=(100, 20))
    return latents @ generator.normal(size=(20, 2000)) + generator.normal(size=(100, 2000))


def repeats(generator):
    """20 conditions x 40 repeats of one step, 30 channels, noise of its own for each condition."""
    means = np.random.default_rng(0).normal(size=(20, 1, 10)) @ generator.normal(size=(10, 30))
    noise = generator.normal(size=(20, 40, 5)) @ generator.normal(size=(20, 5, 30)) * 0.5
    return (means + noise + 0.3 * generator.normal(size=(20, 40, 30))).reshape(800, 1, 30)


def nothing(x):
    return x


def debiased_cka_numpy(x, y):
    def centred(k):
        n = len(k)
        k = k.copy()
        np.fill_diagonal(k, 0)
        means = k.sum(1) / (n - 2)
        k += k.sum() / ((n - 1) * (n - 2)) - means[:, None] - means
        np.fill_diagonal(k, 0)
        return k
    a, b = centred(x @ x.T), centred(y @ y.T)
    return (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)


def biased_cka_numpy(x, y):
    return np.linalg.norm(x[0].T @ y[0]) ** 2 / x[1] / y[1]


def features_and_norm(x):
    x = x - x.mean(0)
    return x, np.linalg.norm(x.T @ x)


def netrep_linear(alpha):
    def measure(x, y):
        return importlib.import_module("netrep.metrics").LinearMetric(alpha=alpha).fit(x, y).score(x, y)
    return measure


def netrep_permutation(x, y):
    return importlib.import_module("netrep.metrics").PermutationMetric().fit(x, y).score(x, y)


def moments(x):
    x = x.reshape(20, 40, -1)
    return x.mean(1), np.stack([np.cov(one.T) for one in x])


def netrep_gaussian(x, y):
    return importlib.import_module("netrep.metrics").GaussianStochasticMetric().fit_score(x, y)


def netrep_energy(x, y):
    return importlib.import_module("netrep.metrics").EnergyStochasticMetric().fit_score(
        *(one.reshape(20, 40, -1) for one in (x, y)))


def sklearn_ridge(x, y):
    from sklearn.linear_model import RidgeCV
    for source, target in ((x, y), (y, x)):
        for fold in range(5):
            is_test = np.arange(len(x)) * 5 // len(x) == fold
            RidgeCV(alphas=10.0 ** np.arange(-6, 4)).fit(source[~is_test], target[~is_test]).predict(source[is_test])


def sklearn_neighbours_of(x):
    from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors(n_neighbors=10, algorithm="brute").fit(x).kneighbors(return_distance=False)


def overlap(a, b):
    return np.mean([len(np.intersect1d(i, j)) for i, j in zip(a, b)]) / 10


def torch_of(x):
    return importlib.import_module("torch").from_numpy(x)


def platonic(name, *arguments):
    return lambda x, y: getattr(importlib.import_module("metrics").AlignmentMetrics, name)(x, y, *arguments)


def rdm_of(x):
    rsa = importlib.import_module("rsatoolbox")
    return rsa.rdm.calc_rdm(rsa.data.Dataset(x[:, 0]), method="correlation")


def rsatoolbox_compare(method):
    return lambda x, y: importlib.import_module("rsatoolbox").rdm.compare(x, y, method=method)


# (data, metric of repal, package, what it does once for a system, and for a pair)
MEASURES = [
    (samples, "cka", "NumPy", features_and_norm, biased_cka_numpy),
    (samples, "cka estimator=debiased", "NumPy", nothing, debiased_cka_numpy),
    (samples, "cka estimator=debiased", "platonic-rep", torch_of, platonic("unbiased_cka")),
    (samples, "procrustes", "netrep", nothing, netrep_linear(1.0)),
    (wide, "procrustes", "netrep", nothing, netrep_linear(1.0)),
    (samples, "procrustes alpha=0.5", "netrep", nothing, netrep_linear(0.5)),
    (samples, "cca", "netrep", nothing, netrep_linear(0.0)),
    (samples, "matching correspondence=one_to_one", "netrep", nothing, netrep_permutation),
    (samples, "matching correspondence=soft", "", nothing, None),
    (samples, "predictivity", "scikit-learn", nothing, sklearn_ridge),
    (samples, "neighbours", "scikit-learn", sklearn_neighbours_of, overlap),
    (samples, "neighbours distance=cosine", "platonic-rep", torch_of, platonic("mutual_knn", 10)),
    (conditions, "rsa conditions=trials distance=correlation comparison=spearman", "rsatoolbox", rdm_of, rsatoolbox_compare("spearman")),
    (conditions, "rsa conditions=trials distance=correlation comparison=kendall", "rsatoolbox", rdm_of, rsatoolbox_compare("tau-a")),
    (repeats, "stochastic_shape repeats=40 starts=1", "netrep", moments, netrep_gaussian),
    (repeats, "stochastic_shape repeats=40", "", nothing, None),
    (repeats, "stochastic_shape repeats=40 distribution=energy starts=1", "netrep", nothing, netrep_energy),
    (repeats, "stochastic_shape repeats=40 distribution=energy", "", nothing, None),
]


def seconds(work, *arguments):
    begin = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - begin, result


def peer_seconds(of_system, of_pair, systems):
    """Medians for a system and a pair."""
    made = [seconds(of_system, x) for x in systems]
    pairs = [seconds(of_pair, a[1], b[1])[0] for a, b in itertools.combinations(made, 2)]
    return statistics.median(one[0] for one in made), statistics.median(pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--systems", type=int, default=4)
    parser.add_argument("--only", default="")
    options = parser.parse_args()

    def all_of(per_system, per_pair):
        return SYSTEMS * per_system + PAIRS * per_pair

    print(f"{'data':10} {'metric':70} {'system ms':>9} {'pair ms':>9} {'100 systems s':>13}  {'package':13} {'system ms':>9} {'pair ms':>9} {'ratio':>7}")
    for data, metric, package, of_system, of_pair in MEASURES:
        if options.only not in f"{data.__name__} {metric} {package}":
            continue
        systems = [data(np.random.default_rng(k + 1)) for k in range(options.systems)]
        ours, theirs, failure = [], [], ""
        with tempfile.TemporaryDirectory() as folder:
            for k, x in enumerate(systems):
                np.save(f"{folder}/{k}.npy", x)
            for _ in range(options.runs):
                printed = subprocess.run([options.build / "bin/bench_dissimilarity", "--systems", folder, metric],
                                         capture_output=True, text=True, check=True).stdout
                rates = json.loads(printed)
                ours.append((1 / rates["embeddings_per_second"], 1 / rates["pairs_per_second"]))
                try:
                    if of_pair:
                        theirs.append(peer_seconds(of_system, of_pair, systems))
                except ImportError as error:
                    failure = str(error)
        mine = [statistics.median(one[i] for one in ours) for i in (0, 1)]
        line = f"{data.__name__:10} {metric:70} {mine[0] * 1e3:9.2f} {mine[1] * 1e3:9.3f} {all_of(*mine):13.1f}  {package:13}"
        if theirs:
            other = [statistics.median(one[i] for one in theirs) for i in (0, 1)]
            line += f" {other[0] * 1e3:9.2f} {other[1] * 1e3:9.3f} {all_of(*other) / all_of(*mine):7.1f}"
        print(line, failure, flush=True)


if __name__ == "__main__":
    main()
