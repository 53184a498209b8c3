"""Writes `rsa_angle_rad` and `eigenvalue_wasserstein` of ../data/reference.json anew, from the definitions.

NumPy and SciPy (python3-scipy): pdist, spearmanr, the covariance of the whitened cosine as a matrix and its solution, and
linear_sum_assignment over the eigenvalues of operators that are made with numpy.linalg.svd.
"""

import itertools
import json
import pathlib

import numpy
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

DATA = pathlib.Path(__file__).parent.parent / "data"
SYSTEMS = {name: numpy.load(DATA / f"{name}.npy") for name in ("lorenz_r0.5", "lorenz_r10", "lorenz_r30")}


def patterns(x, conditions):
    """(condition, feature). Steps: 8 of 200 in 8 of 40 trials, which max_conditions=64 leaves."""
    if conditions == "steps":
        trials, steps, _ = x.shape
        return x[[int((k + 0.5) * trials / 8) for k in range(8)]][:, [int((t + 0.5) * steps / 8) for t in range(8)]].reshape(64, -1)
    return x.mean(axis=1) if conditions == "trial_means" else x.reshape(len(x), -1)


def similarity(d, e, comparison):
    if comparison == "pearson":
        return pearsonr(d, e)[0]
    if comparison == "spearman":
        return spearmanr(d, e)[0]
    n = round((1 + numpy.sqrt(1 + 8 * len(d))) / 2)
    contrasts = numpy.zeros((len(d), n))
    for row, (i, j) in zip(contrasts, itertools.combinations(range(n), 2)):
        row[i], row[j] = 1, -1
    covariance = (contrasts @ contrasts.T) ** 2
    x, y = numpy.linalg.solve(covariance, numpy.array([d, e]).T).T
    return d @ y / numpy.sqrt((d @ x) * (e @ y))


def rsa():
    angles = {}
    for a, b in itertools.combinations(SYSTEMS, 2):
        for conditions in ("steps", "trials", "trial_means"):
            for distance in ("correlation", "cosine", "sqeuclidean"):
                d, e = (pdist(patterns(SYSTEMS[name], conditions), distance) for name in (a, b))
                for comparison in ("spearman", "pearson", "whitened_cosine"):
                    key = "|".join((a, b, conditions, distance.replace("sqeuclidean", "squared_euclidean"), comparison))
                    angles[key] = float(numpy.arccos(similarity(d, e, comparison)))
    return angles


def eigenvalues(x, n_delays, interval, rank, tolerance):
    rows = x.shape[1] - (n_delays - 1) * interval
    hankel = numpy.concatenate([x[:, (n_delays - 1 - k) * interval:][:, :rows] for k in range(n_delays)], axis=2)
    u, s, _ = numpy.linalg.svd(hankel.reshape(len(x) * rows, -1), full_matrices=False)
    rank = min(rank, int((s > tolerance * s[0]).sum()))
    v = u[:, :rank].reshape(len(x), rows, rank)
    before, after = v[:, :-1].reshape(-1, rank), v[:, 1:].reshape(-1, rank)
    return numpy.linalg.eigvals(numpy.linalg.lstsq(before, after, rcond=None)[0].T)


def eigenvalue_wasserstein():
    distances = {}
    for a, b in itertools.combinations(SYSTEMS, 2):
        for n_delays, interval, rank, tolerance in ((10, 2, 6, 1e-9), (1, 1, 3, 1e-9), (10, 2, 12, 1e-3)):
            ranks = [len(eigenvalues(SYSTEMS[name], n_delays, interval, rank, tolerance)) for name in (a, b)]
            spectra = [eigenvalues(SYSTEMS[name], n_delays, interval, min(ranks), tolerance) for name in (a, b)]
            for order in (1, 2):
                cost = abs(spectra[0][:, None] - spectra[1]) ** order
                key = f"{a}|{b}|n{n_delays}|tau{interval}|rank{rank}|tolerance{tolerance:g}|order{order}"
                distances[key] = {"ranks": ranks,
                                  "distance": float(cost[linear_sum_assignment(cost)].mean() ** (1 / order))}
    return distances


if __name__ == "__main__":
    path = DATA / "reference.json"
    reference = json.loads(path.read_text())
    reference["rsa_angle_rad"] = rsa()
    reference["eigenvalue_wasserstein"] = eigenvalue_wasserstein()
    path.write_text(json.dumps(reference, indent=1))
