#!/usr/bin/python3
"""Reference values of the family of metrics: direct formulas in float64, of no package but NumPy and SciPy.

    metric_family.py inputs FOLDER SEED [n p q]   # write the .npy inputs
    metric_family.py values FOLDER                # write FOLDER/reference.json from the .npy files
    metric_family.py check FOLDER                 # compute again and compare with FOLDER/reference.json
    metric_family.py only FOLDER TEXT             # print the values whose id contains TEXT

A value has: id, x and y (names of inputs), options, value (the field's own number), angle_rad (what repal reports; null if there
is none), more (further named numbers), tolerance (absolute, for value and angle_rad), note. (trial, time, channel) arrays are
3-D; 2-D arrays are one trial.
"""
import json
import os
import sys

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import rankdata

VALUES = []


def record(id, x, y, value, angle=None, options=None, tolerance=1e-10, note="", **more):
    clean = lambda v: None if v is None else (v if isinstance(v, (list, str, bool, int)) else float(v))
    VALUES.append({"id": id, "x": x, "y": y, "options": options or {}, "value": clean(value), "angle_rad": clean(angle),
                   "tolerance": tolerance, "more": {k: clean(v) for k, v in more.items()}, "note": note})


# --------------------------------------------------------------------------------------------------------------- inputs
def make_inputs(folder, seed, n=60, p=7, q=5):
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal
    save = lambda name, a: np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(a, dtype=np.float64))
    rotation = lambda d: np.linalg.qr(normal((d, d)))[0]

    latents = np.cumsum(normal((n, 4)), axis=0) * 0.3 + normal((n, 4))
    x = latents @ normal((4, p)) + 0.5 * normal((n, p)) + normal(p)
    y = np.tanh(latents @ normal((4, q)) * 0.5) + 0.3 * normal((n, q)) + normal(q)
    save("pair_x", x)
    save("pair_y", y)
    save("rotated_x", 2.5 * x @ rotation(p) + normal(p))
    shared = normal((n, 6))
    save("square_x", shared + 0.4 * normal((n, 6)))
    save("square_y", shared[:, rng.permutation(6)] * 0.8 + 0.5 * normal((n, 6)))
    save("permuted_x", np.load(os.path.join(folder, "square_x.npy"))[:, rng.permutation(6)])
    save("noise_x", normal((n, p)))
    save("noise_y", normal((n, q)))
    constant = x.copy()
    constant[:, 2] = 1.25
    save("constant_x", constant)
    wide = normal((20, 5))
    save("wide_x", wide @ normal((5, 200)) * 0.4 + normal((20, 200)))
    save("wide_y", wide @ normal((5, 150)) * 0.4 + normal((20, 150)))
    save("ties_x", rng.integers(0, 3, (10, 4)))
    save("ties_y", rng.integers(0, 3, (10, 3)))

    time = np.linspace(0, 1, 20)
    drive = normal((12, 1, 3)) * np.sin(np.pi * np.outer(time, [1, 2, 3]))[None] + 0.2 * np.cumsum(normal((12, 20, 3)), 1) * 0.3
    save("trials_x", drive @ normal((3, 6)) + 0.4 * normal((12, 20, 6)))
    save("trials_y", np.tanh(drive @ normal((3, 5))) + 0.4 * normal((12, 20, 5)))

    means = normal((2, 5, 3))                     # 2 conditions x 10 repeats, 5 steps, 4 channels
    mixing = normal((3, 4))
    noise = normal((4, 4)) * 0.4
    one = (means @ mixing)[:, None] + normal((2, 10, 5, 4)) @ noise
    two = ((means + 0.3 * normal((2, 5, 3))) @ mixing)[:, None] + normal((2, 10, 5, 4)) @ (noise + 0.2 * normal((4, 4)))
    save("repeats_x", one.reshape(20, 5, 4))
    save("repeats_y", (two @ rotation(4)).reshape(20, 5, 4))

    patterns = normal((6, 4))                     # 6 conditions x 4 repeats, 5 steps, 6 and 7 channels
    a = (patterns @ normal((4, 6)))[:, None, None] + 0.8 * normal((6, 4, 5, 6)) @ (np.eye(6) + 0.3 * normal((6, 6)))
    b = (patterns @ normal((4, 7)) + 0.5 * normal((6, 7)))[:, None, None] + 0.8 * normal((6, 4, 5, 7))
    save("conditions_x", a.reshape(24, 5, 6))
    save("conditions_y", b.reshape(24, 5, 7))

    def rotor(frequencies, decay, channels, mix):
        out = np.empty((6, 80, channels))
        for k in range(6):
            z = normal(2 * len(frequencies))
            for t in range(80):
                out[k, t] = z @ mix
                for i, (f, d) in enumerate(zip(frequencies, decay)):
                    c, s = np.cos(f), np.sin(f)
                    z[2 * i:2 * i + 2] = d * np.array([c * z[2 * i] - s * z[2 * i + 1], s * z[2 * i] + c * z[2 * i + 1]])
                z += 0.05 * normal(z.size)
        return out + 0.02 * normal(out.shape)
    mix = normal((4, 3))
    save("dynamics_x", rotor([0.25, 0.6], [0.99, 0.97], 3, mix))
    save("dynamics_y", rotor([0.30, 0.6], [0.98, 0.97], 3, mix + 0.3 * normal((4, 3))))
    save("operator_x", 0.9 * rotation(6) @ np.diag(rng.uniform(0.5, 1, 6)) @ rotation(6))
    save("operator_y", np.load(os.path.join(folder, "operator_x.npy")) + 0.15 * normal((6, 6)))
    common = normal((n, 1))
    save("opposed_x", common + 0.5 * normal((n, 4)))
    save("opposed_y", common * np.array([1, 1, -1, -1]) + 0.5 * normal((n, 4)))


# ----------------------------------------------------------------------------------------------------------- common parts
def rows(a):
    return a.reshape(-1, a.shape[-1])


def centred(a):
    a = rows(a)
    return a - a.mean(0)


def angle_between(u, v):
    """Of two arrays as vectors; all digits near 0 and near pi."""
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    return 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))


def angle_of(cosine):
    return float(np.arccos(np.clip(cosine, -1, 1)))


def basis(a, tolerance=1e-10):
    """Left singular vectors and singular values above tolerance of the largest, of the centred samples."""
    u, s, vt = np.linalg.svd(centred(a), full_matrices=False)
    keep = s > tolerance * s[0]
    return u[:, keep], s[keep], vt[keep]


def squared_distances(a):
    a = rows(a)
    return ((a[:, None] - a[None]) ** 2).sum(-1)


# ------------------------------------------------------------------------------------- 1 kernel alignment (cka and relatives)
def double_centred(k):
    return k - k.mean(0) - k.mean(1)[:, None] + k.mean()


def u_centred(k):
    """Szekely & Rizzo 2014: for n >= 4; zero diagonal, rows sum to 0."""
    n = len(k)
    k = k - np.diag(np.diag(k))
    r = k.sum(1)
    c = k - (r[:, None] + r[None]) / (n - 2) + r.sum() / ((n - 1) * (n - 2))
    return c - np.diag(np.diag(c))


def linear_kernel(a):
    a = centred(a)
    return a @ a.T


def rbf_kernel(a, bandwidth=1.0):
    """sigma^2 = bandwidth^2 x median of the squared distances of the pairs i < j."""
    d2 = squared_distances(a)
    sigma2 = bandwidth ** 2 * np.median(d2[np.triu_indices(len(d2), 1)])
    return np.expm1(-d2 / (2 * sigma2))


def distance_kernel(a):
    return -0.5 * np.sqrt(squared_distances(a))


def ridge_kernel(a, ridge):
    """Hat matrix of ridge regression on samples scaled to a mean squared norm of 1 (GULP)."""
    u, s, _ = basis(a)
    s2 = s ** 2 / (s ** 2).sum()
    return (u * (s2 / (s2 + ridge))) @ u.T


def song_linear(a, b):
    """<U-centred K, U-centred L> of linear kernels from the channels, O(n p q)."""
    a, b = centred(a), centred(b)
    n = len(a)
    na, nb = (a ** 2).sum(1), (b ** 2).sum(1)
    return ((a.T @ b) ** 2).sum() - n / (n - 2) * (na @ nb) + na.sum() * nb.sum() / ((n - 1) * (n - 2))


def feature_corrected(a, b):
    def own(a):
        p = a.shape[-1]
        alone = sum(song_linear(rows(a)[:, [j]], rows(a)[:, [j]]) for j in range(p))
        return (song_linear(a, a) - alone) / (p * (p - 1))
    p, q = a.shape[-1], b.shape[-1]
    own_a, own_b = own(a), own(b)
    return song_linear(a, b) / (p * q) / np.sqrt(own_a * own_b) if own_a > 0 and own_b > 0 else None


def kernel_alignments(data):
    def both(id, x, y, kernel, options, tolerance=1e-10, **more):
        kx, ky = kernel(data[x]), kernel(data[y])
        for name, centre in (("biased", double_centred), ("debiased", u_centred)):
            a, b = centre(kx), centre(ky)
            cosine = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
            record(f"cka.{id}.{name}", x, y, cosine, angle_between(a, b), {**options, "estimator": name}, tolerance, **more)

    for x, y in (("pair_x", "pair_y"), ("wide_x", "wide_y"), ("noise_x", "noise_y"), ("trials_x", "trials_y"),
                 ("pair_x", "rotated_x"), ("constant_x", "pair_y")):
        tolerance = 1e-8 if y == "rotated_x" else 1e-10
        both("linear", x, y, linear_kernel, {"kernel": "linear"}, tolerance)
        for bandwidth in (1.0, 0.5):
            both(f"rbf_{bandwidth}", x, y, lambda a: rbf_kernel(a, bandwidth), {"kernel": "rbf", "bandwidth": bandwidth}, tolerance)
        value = feature_corrected(data[x], data[y])
        record("cka.linear.feature_corrected", x, y, value, None if value is None else angle_of(value),
               {"kernel": "linear", "estimator": "feature_corrected"}, 1e-9,
               "above 1 the angle is 0" if value is not None and value > 1 else "")
        both("distance", x, y, distance_kernel, {"kernel": "distance"}, tolerance)
        a, b = double_centred(distance_kernel(data[x])), double_centred(distance_kernel(data[y]))
        record("distance_correlation", x, y, np.sqrt((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)), angle_between(a, b),
               {"kernel": "distance", "estimator": "biased"}, tolerance, "angle: arccos of the square, as cka.distance.biased")
        if x.startswith("wide"):
            continue
        for ridge in (0.0, 0.01, 1.0):
            a, b = ridge_kernel(data[x], ridge), ridge_kernel(data[y], ridge)
            record(f"gulp_{ridge}", x, y, np.linalg.norm(a - b), angle_between(a, b), {"kernel": "ridge", "ridge": ridge},
                   tolerance, "value: GULP distance (not squared); angle: of the hat matrices", squared=((a - b) ** 2).sum())


# --------------------------------------------------------------------------------------------- 2, 3, 5 shape metrics and CCA
def shape_features(a, alpha, whitening="mix", scaled=True):
    """phi = U g(s): mix: alpha s + (1 - alpha), of singular values with mean square 1 if scaled; power: s^alpha."""
    u, s, _ = basis(a)
    if scaled:
        s = s / np.sqrt((s ** 2).mean())
    return u * (alpha * s + (1 - alpha) if whitening == "mix" else s ** alpha)


def shape_angle(f, g):
    f, g = f / np.linalg.norm(f), g / np.linalg.norm(g)
    u, s, vt = np.linalg.svd(f.T @ g, full_matrices=False)
    cosine = s.sum()
    if cosine < 1 - 1e-4 or f.shape[1] != g.shape[1]:
        return cosine, angle_of(cosine)
    return cosine, 2 * np.arcsin(min(1, np.linalg.norm(f @ (u @ vt) - g) / 2))


def shapes_and_cca(data):
    for x, y in (("pair_x", "pair_y"), ("square_x", "square_y"), ("trials_x", "trials_y"), ("noise_x", "noise_y"),
                 ("pair_x", "rotated_x"), ("constant_x", "pair_y"), ("wide_x", "wide_y")):
        wide = x.startswith("wide")
        tolerance = 1e-8 if y == "rotated_x" else 1e-10
        for alpha in ((1.0,) if wide else (1.0, 0.5, 0.1, 0.0)):
            for whitening in ("mix", "power"):
                for scaled in (True, False):
                    if (whitening == "power" or alpha in (0.0, 1.0)) and not scaled or whitening == "power" and alpha in (0.0, 1.0):
                        continue  # the same number
                    value, angle = shape_angle(shape_features(data[x], alpha, whitening, scaled),
                                               shape_features(data[y], alpha, whitening, scaled))
                    record(f"shape.{whitening}_{alpha}" + ("" if scaled else "_unscaled"), x, y, value, angle,
                           {"alpha": alpha, "whitening": whitening, "scaled": scaled}, tolerance)
        a, b = centred(data[x]), centred(data[y])
        nuclear = np.linalg.svd(a.T @ b, compute_uv=False).sum()
        distance2 = (a ** 2).sum() + (b ** 2).sum() - 2 * nuclear
        record("nbs", x, y, nuclear / np.linalg.norm(a) / np.linalg.norm(b), shape_angle(a, b)[1], {}, tolerance,
               "normalised Bures similarity; angle: that of procrustes", bures_distance=np.sqrt(max(0, distance2)))
        if wide:
            continue
        (ux, sx, vx), (uy, sy, vy) = basis(data[x]), basis(data[y])
        left, rho, right = np.linalg.svd(ux.T @ uy, full_matrices=False)
        rho = np.minimum(rho, 1)
        record("cca.mean", x, y, rho.mean(), shape_angle(ux, uy)[1], {"summary": "mean"}, tolerance,
               "angle: arccos(sum rho / sqrt(rank_x rank_y))", correlations=[float(r) for r in rho])
        record("cca.mean_squared", x, y, (rho ** 2).mean(), angle_between(ux @ ux.T, uy @ uy.T), {"summary": "mean_squared"}, tolerance,
               "angle: arccos(sum rho^2 / sqrt(rank_x rank_y))")
        wx = np.abs((ux @ left).T @ a).sum(1)
        wy = np.abs((uy @ right.T).T @ b).sum(1)
        forward, backward = (wx @ rho) / wx.sum(), (wy @ rho) / wy.sum()
        record("cca.pwcca", x, y, (forward + backward) / 2, angle_of((forward + backward) / 2), {"summary": "projection_weighted"},
               1e-7 if y == "rotated_x" else tolerance, weighted_by_x=forward, weighted_by_y=backward)
        for share in (0.99, 0.9):
            kept = []
            for u, s in ((ux, sx), (uy, sy)):
                part = np.cumsum(s ** 2) / (s ** 2).sum()
                kept.append(u[:, :int(np.argmax(part >= share - 1e-12)) + 1])
            r = np.minimum(np.linalg.svd(kept[0].T @ kept[1], compute_uv=False), 1)
            record(f"cca.svcca_{share}", x, y, r.mean(), shape_angle(*kept)[1], {"summary": "mean", "variance": share}, tolerance,
                   kept_x=kept[0].shape[1], kept_y=kept[1].shape[1])


# ------------------------------------------------------------------------------------------------------ 4 linear predictivity
def folds_of(a, folds):
    """Fold of each row: trial k is in fold k mod folds; one trial is cut into blocks of time."""
    if a.ndim == 3 and len(a) > 1:
        return np.repeat(np.arange(len(a)) % folds, a.shape[1])
    n = len(rows(a))
    return np.arange(n) * folds // n


def ridge_fit(x, y, penalty):
    """Weights for centred x, y: (x^T x + penalty I)^-1 x^T y."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    keep = s > 1e-12 * s[0]
    u, s, vt = u[:, keep], s[keep], vt[keep]
    return vt.T @ ((s / (s ** 2 + penalty))[:, None] * (u.T @ y))


def leave_one_out_error(x, y, penalty):
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    hat = (u * (s ** 2 / (s ** 2 + penalty))) @ u.T
    leverage = 1 / len(x) + np.diag(hat)
    return ((((y - hat @ y) / (1 - leverage)[:, None])) ** 2).sum()


def predict(x, y, fold, ridge):
    """Predictions of y from x for each row, fitted on the other folds. ridge: share of the mean eigenvalue of x^T x of the
    training rows, or a list of them, of which the one with the least leave-one-out error is taken (largest, if equal)."""
    predictions, baseline, chosen = np.empty_like(y), np.empty_like(y), []
    for f in np.unique(fold):
        test, train = fold == f, fold != f
        mx, my = x[train].mean(0), y[train].mean(0)
        a, b = x[train] - mx, y[train] - my
        unit = (a ** 2).sum() / a.shape[1]
        if isinstance(ridge, list):
            errors = [leave_one_out_error(a, b, r * unit) for r in ridge]
            share = max(r for r, e in zip(ridge, errors) if e <= min(errors))
        else:
            share = ridge
        chosen.append(float(share))
        predictions[test] = (x[test] - mx) @ ridge_fit(a, b, share * unit) + my
        baseline[test] = my
    return predictions, baseline, chosen


def predictivity(data):
    grid = [10.0 ** k for k in range(-6, 4)]
    for x, y in (("pair_x", "pair_y"), ("trials_x", "trials_y"), ("noise_x", "noise_y"), ("wide_x", "wide_y"),
                 ("constant_x", "pair_y")):
        for name, ridge in (("fixed", 0.1), ("chosen", grid)) + ((("ols", 0.0),) if not x.startswith("wide") else ()):
            result = {}
            for way, (s, t) in {"x_to_y": (x, y), "y_to_x": (y, x)}.items():
                fold = folds_of(data[s], 5)
                target = rows(data[t])
                predicted, mean, chosen = predict(rows(data[s]), target, fold, ridge)
                error, total = ((target - predicted) ** 2).sum(0), ((target - mean) ** 2).sum(0)
                pearson = [np.corrcoef(predicted[:, j], target[:, j])[0, 1] if np.ptp(target[:, j]) > 0 else None
                           for j in range(target.shape[1])]
                known = [r for r in pearson if r is not None]
                result[f"r2_{way}"] = 1 - error.sum() / total.sum()
                result[f"r2_channel_mean_{way}"] = float(np.mean([1 - e / t for e, t in zip(error, total) if t > 0]))
                result[f"pearson_mean_{way}"] = float(np.mean(known))
                result[f"pearson_median_{way}"] = float(np.median(known))
                result[f"ridge_{way}"] = chosen
            mean = (result["r2_x_to_y"] + result["r2_y_to_x"]) / 2
            record(f"predictivity.{name}", x, y, mean, angle_of(np.sqrt(max(0, mean))), {"ridge": ridge, "folds": 5}, 1e-9,
                   "value: mean of the two R2", **result)
        if x.startswith("wide"):
            continue
        (ux, _, _), (uy, _, _) = basis(data[x]), basis(data[y])
        forward = ((ux.T @ centred(data[y])) ** 2).sum() / (centred(data[y]) ** 2).sum()
        backward = ((uy.T @ centred(data[x])) ** 2).sum() / (centred(data[x]) ** 2).sum()
        record("predictivity.in_sample", x, y, (forward + backward) / 2, angle_of(np.sqrt((forward + backward) / 2)),
               {"folds": 1, "ridge": 0.0}, 1e-10, r2_x_to_y=forward, r2_y_to_x=backward)


# ---------------------------------------------------------------------------------------------------------------- 6 neighbours
def similarity_for_neighbours(a, kind):
    if kind == "euclidean":
        return -squared_distances(a)
    unit = rows(a) / np.linalg.norm(rows(a), axis=1)[:, None]
    return unit @ unit.T


def neighbours(s, k):
    """0/1 (n, n): the k most similar others; ties: the lower index first."""
    s = np.where(np.eye(len(s)) > 0, -np.inf, s)
    mask = np.zeros_like(s)
    for i, order in enumerate(np.argsort(-s, axis=1, kind="stable")[:, :k]):
        mask[i, order] = 1
    return mask


def song(a, b):
    """Song et al. 2012, eq. 5, as CKNNA uses it: a and b need not be symmetric (b enters the first term transposed)."""
    n = len(a)
    a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    return ((a * b.T).sum() + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * (a @ b).sum() / (n - 2)) / (n * (n - 3))


def neighbour_measures(data):
    for x, y in (("pair_x", "pair_y"), ("trials_x", "trials_y"), ("noise_x", "noise_y"), ("pair_x", "rotated_x")):
        for kind in ("euclidean", "cosine"):
            for k in (5, 10):
                sx, sy = similarity_for_neighbours(data[x], kind), similarity_for_neighbours(data[y], kind)
                mx, my = neighbours(sx, k), neighbours(sy, k)
                common = (mx * my).sum(1)
                options = {"k": k, "distance": kind}
                mutual, jaccard = (common / k).mean(), (common / (2 * k - common)).mean()
                record("neighbours.mutual", x, y, mutual, angle_of(mutual), options)
                record("neighbours.jaccard", x, y, jaccard, angle_of(jaccard), options)
                if kind == "euclidean" and data[x].ndim == 3:
                    trial, step = np.divmod(np.arange(len(sx)), data[x].shape[1])
                    near = (trial[:, None] == trial) & (np.abs(step[:, None] - step) <= 2)
                    far = [neighbours(np.where(near, -np.inf, s), k) for s in (sx, sy)]
                    mutual = ((far[0] * far[1]).sum(1) / k).mean()
                    record("neighbours.mutual", x, y, mutual, angle_of(mutual), {**options, "exclude_steps": 2})
                if kind == "cosine":
                    union = np.maximum(mx, my) > 0
                    cosines = lambda a, b: np.mean([(u * v).sum() / np.linalg.norm(u) / np.linalg.norm(v)
                                                    for u, v in ((a[i, m], b[i, m]) for i, m in enumerate(union))])
                    value = cosines(sx, sy)
                    record("neighbours.second_order", x, y, value, angle_of(value), options, with_distances=cosines(1 - sx, 1 - sy))
                    kk, ll, kl = song(mx * sx, mx * sx), song(my * sy, my * sy), song(mx * my * sx, mx * my * sy)
                    if kk > 0 and ll > 0:
                        record("neighbours.cknna", x, y, kl / np.sqrt(kk * ll), angle_of(kl / np.sqrt(kk * ll)), options,
                               note="as in its published code, without the 1e-6 of its denominator")
                    off = lambda s: s - (s.sum(1) - np.diag(s))[:, None] / (len(s) - 1)
                    cx, cy = off(sx), off(sy)
                    paper = (mx * my * cx * cy).sum() / np.sqrt((mx * cx * cx).sum() * (my * cy * cy).sum())
                    record("neighbours.local_alignment", x, y, paper, angle_of(paper), options,
                           note="kernels centred by the mean of the row without its diagonal, then masked: as the paper writes it")


# ------------------------------------------------------------------------------------------------------------------ 7 matching
def transport(cost):
    """Least mean cost of moving the uniform mass of rows to the uniform mass of columns; plan."""
    p, q = cost.shape
    rows_ = np.kron(np.eye(p), np.ones(q))
    columns = np.kron(np.ones(p), np.eye(q))
    solution = linprog(cost.ravel(), A_eq=np.vstack([rows_, columns]), b_eq=np.r_[np.full(p, 1 / p), np.full(q, 1 / q)],
                       method="highs-ds", options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    assert solution.status == 0
    return solution.fun, solution.x.reshape(p, q)


def matching(data):
    for x, y in (("square_x", "square_y"), ("opposed_x", "opposed_y"), ("square_x", "permuted_x"), ("pair_x", "pair_y"),
                 ("noise_x", "noise_y"), ("trials_x", "trials_y"), ("constant_x", "pair_y")):
        for channels in ("as_is", "unit"):
            a, b = centred(data[x]), centred(data[y])
            unit = lambda z: z / np.where(np.ptp(z, axis=0) > 0, np.linalg.norm(z, axis=0), np.inf)  # a constant channel is 0
            correlations = unit(a).T @ unit(b)
            if channels == "unit":
                a, b = unit(a), unit(b)
            options = {"channels": channels}
            tolerance = 1e-8 if y == "permuted_x" else 1e-10
            u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
            for unmatched, matrix in (("forbidden", u.T @ v), ("allowed", np.maximum(u.T @ v, 0))):
                i, j = linear_sum_assignment(matrix, maximize=True)
                alone = np.setdiff1d(np.arange(u.shape[1]), i), np.setdiff1d(np.arange(v.shape[1]), j)
                pairs = matrix[i, j] > 0 if unmatched == "allowed" else np.full(len(i), True)
                chord2 = ((u[:, i[pairs]] - v[:, j[pairs]]) ** 2).sum() + sum(
                    (z ** 2).sum() for z in (u[:, alone[0]], v[:, alone[1]], u[:, i[~pairs]], v[:, j[~pairs]]))
                record("matching.one_to_one", x, y, matrix[i, j].sum(), 2 * np.arcsin(np.sqrt(chord2) / 2),
                       {**options, "unmatched": unmatched}, tolerance, mean_correlation=correlations[i[pairs], j[pairs]].mean())
            p, q = u.shape[1], v.shape[1]
            apart = lambda s, t: ((s[:, :, None] - t[:, None]) ** 2).sum(0)
            chord2 = transport(apart(np.sqrt(p) * u, np.sqrt(q) * v))[0]
            record("matching.soft", x, y, 1 - chord2 / 2, 2 * np.arcsin(np.sqrt(max(0, chord2)) / 2), options, tolerance,
                   soft_matching_distance=np.sqrt(max(0, transport(apart(a, b))[0])))


# --------------------------------------------------------------------------------------------------- 8 stochastic shape metrics
def as_repeats(a, repeats):
    """(image, repeat, channel): trials come in blocks of `repeats`; an image is a step of a condition. Grand mean taken off."""
    conditions = len(a) // repeats
    b = a.reshape(conditions, repeats, a.shape[1], a.shape[2]).transpose(0, 2, 1, 3).reshape(-1, repeats, a.shape[2])
    return b - b.mean((0, 1))


def root(c):
    w, v = np.linalg.eigh(c)
    return (v * np.sqrt(np.maximum(w, 0))) @ v.T


def orthogonal(m):
    u, _, vt = np.linalg.svd(m)
    return u @ vt


def starts(d, first, count=30):
    rng = np.random.default_rng(12345)
    yield first
    for k in range(count):  # the Q of LAPACK has one determinant for all; every other start gets the other
        q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        yield q * np.r_[(-1.0) ** k, np.ones(d - 1)]


def gaussian_shape(a, b, share):
    """share m in [0, 1] of means, 1 - m of covariances: max over Q of sum_i m mu_i.(nu_i Q) + (1 - m) |S_i^1/2 Q^T T_i^1/2|_*.
    share 1/2 is the 2-Wasserstein distance of Gaussians, halved. Returns self terms, best cross term, bound of it."""
    mean = lambda z: z.mean(1)
    cov = lambda z: np.einsum("irc,ird->icd", z - z.mean(1, keepdims=True), z - z.mean(1, keepdims=True)) / (z.shape[1] - 1)
    mu, nu, sa, sb = mean(a), mean(b), [root(c) for c in cov(a)], [root(c) for c in cov(b)]
    n, d = mu.shape
    own = lambda m, roots: (share * (m ** 2).sum() + (1 - share) * sum((r ** 2).sum() for r in roots)) / n
    def value(q):
        return (share * (mu * (nu @ q)).sum()
                + (1 - share) * sum(np.linalg.svd(r @ (q.T @ s @ q), compute_uv=False).sum() for r, s in zip(sa, sb))) / n
    def climb(q):
        last = -np.inf
        for _ in range(5000):
            m = share * nu.T @ mu
            for r, s in zip(sa, sb):
                # best U of |r - U s q|: maximise tr(r^T U s q)
                u = orthogonal(r @ (s @ q).T)
                m = m + (1 - share) * s @ u.T @ r
            q = orthogonal(m)
            now = value(q)
            if now - last < 1e-15:
                break
            last = now
        return now, q
    results = [climb(q) for q in starts(d, orthogonal(nu.T @ mu))]
    best = max(results, key=lambda r: r[0])
    spectra = lambda roots: [np.sort(np.linalg.eigvalsh(r))[::-1] for r in roots]
    bound = (share * np.linalg.svd(nu.T @ mu, compute_uv=False).sum()
             + (1 - share) * sum((s * t).sum() for s, t in zip(spectra(sa), spectra(sb)))) / n
    return own(mu, sa), own(nu, sb), best[0], results[0][0], bound


def energy_terms(a, b, q):
    distances = lambda u, v: np.linalg.norm(u[:, :, None] - v[:, None], axis=-1).mean()
    return distances(a, b @ q), distances(a, a), distances(b, b), np.linalg.norm(a, axis=-1).mean(), np.linalg.norm(b, axis=-1).mean()


def energy_shape(a, b):
    """Least mean |x - y Q| over Q by iteratively reweighted least squares, several starts; a, b (image, repeat, channel)."""
    d = a.shape[-1]
    def descend(q):
        last = np.inf
        for _ in range(20000):
            diff = a[:, :, None] - (b @ q)[:, None]
            w = 1 / np.maximum(np.linalg.norm(diff, axis=-1), 1e-12)
            q = orthogonal(np.einsum("irs,isc,ird->cd", w, b, a))
            now = np.linalg.norm(a[:, :, None] - (b @ q)[:, None], axis=-1).mean()
            if last - now < 1e-15:
                break
            last = now
        return now, q
    first = orthogonal(b.mean(1).T @ a.mean(1))
    results = [descend(q) for q in starts(d, first, 10)]
    return min(results, key=lambda r: r[0])


def stochastic(data):
    for x, y, repeats in (("repeats_x", "repeats_y", 10), ("repeats_x", "repeats_x", 10)):
        a, b = as_repeats(data[x], repeats), as_repeats(data[y], repeats)
        for share in (1.0, 0.5, 0.25, 0.0):
            ax, ay, cross, from_means, bound = gaussian_shape(a, b, share)
            cosine = cross / np.sqrt(ax * ay)
            record(f"stochastic.gaussian_{share}", x, y, np.sqrt(max(0, 2 * (ax + ay - 2 * cross))), angle_of(cosine),
                   {"distribution": "gaussian", "means": share, "repeats": repeats}, 1e-6,
                   "local search: an angle below this one is better, not wrong; value: square root of mean(2m |mu|^2 + 2(1-m) Bures^2)",
                   from_means_only=np.sqrt(max(0, 2 * (ax + ay - 2 * from_means))), lower_bound_rad=angle_of(bound / np.sqrt(ax * ay)))
        unit = lambda z: z / np.sqrt((z ** 2).sum(-1).mean())
        least, q = energy_shape(a, b)
        dxy, dxx, dyy, _, _ = energy_terms(a, b, q)
        r = a.shape[1]
        record("stochastic.energy", x, y, np.sqrt(max(0, dxy - (dxx + dyy) / 2)), None,
               {"distribution": "energy", "scale": "as_is", "repeats": repeats}, 1e-6, "V-statistic; data units; no angle",
               u_statistic=np.sqrt(max(0, dxy - (dxx + dyy) / 2 * r / (r - 1))), mean_distance=dxy)
        least, q = energy_shape(unit(a), unit(b))
        dxy, dxx, dyy, oa, ob = energy_terms(unit(a), unit(b), q)
        cosine = (oa + ob - dxy) / np.sqrt((2 * oa - dxx) * (2 * ob - dyy))
        record("stochastic.energy_angle", x, y, cosine, angle_of(cosine), {"distribution": "energy", "repeats": repeats}, 1e-6,
               "both scaled to root mean square norm 1; kernel (|x| + |y| - |x - y|)/2, V-statistic", mean_distance=dxy)


# ------------------------------------------------------------------------------------------------------------- 9 RSA additions
def shrunk_covariance(residuals, dof):
    """Schaefer & Strimmer 2005, towards the diagonal, with dof in place of N - 1."""
    n = len(residuals)
    s = residuals.T @ residuals / dof
    sd = np.sqrt(np.diag(s))
    z = residuals / sd
    w = z[:, :, None] * z[:, None]
    mean = w.mean(0)
    variance = n / dof ** 3 * ((w - mean) ** 2).sum(0)
    off = ~np.eye(len(s), dtype=bool)
    shrinkage = min(1, max(0, variance[off].sum() / ((n / dof * mean[off]) ** 2).sum()))
    return s * np.where(off, 1 - shrinkage, 1), shrinkage


def crossnobis(a, repeats, noise):
    """Cross-validated squared Mahalanobis distances of conditions, patterns averaged over steps, fold = repeat."""
    conditions = len(a) // repeats
    p = a.reshape(conditions, repeats, a.shape[1], a.shape[2]).mean(2)
    residuals = (p - p.mean(1, keepdims=True)).reshape(-1, a.shape[2])
    if noise == "identity":
        precision, shrinkage = np.eye(a.shape[2]), None
    else:
        c, shrinkage = shrunk_covariance(residuals, conditions * (repeats - 1))
        precision = np.linalg.inv(c)
    d = []
    for i in range(conditions):
        for j in range(i + 1, conditions):
            delta = p[i] - p[j]
            g = delta @ precision @ delta.T
            d.append((g.sum() - np.trace(g)) / (repeats * (repeats - 1)) / a.shape[2])
    return np.array(d), shrinkage


def square(d):
    n = int(round((1 + np.sqrt(1 + 8 * len(d))) / 2))
    m = np.zeros((n, n))
    m[np.triu_indices(n, 1)] = d
    return m + m.T


def rsa_additions(data):
    x, y = "conditions_x", "conditions_y"
    for noise in ("identity", "shrunk"):
        (d, sx), (e, sy) = crossnobis(data[x], 4, noise), crossnobis(data[y], 4, noise)
        options = {"distance": "crossnobis", "noise": noise, "repeats": 4, "conditions": "trial_means"}
        shrinkage = {} if sx is None else {"shrinkage_x": sx, "shrinkage_y": sy}
        record("rsa.crossnobis.pearson", x, y, np.corrcoef(d, e)[0, 1], angle_between(d - d.mean(), e - e.mean()),
               {**options, "comparison": "pearson"}, 1e-9, rdm_x=list(map(float, d)), rdm_y=list(map(float, e)), **shrinkage)
        record("rsa.crossnobis.cosine", x, y, d @ e / np.linalg.norm(d) / np.linalg.norm(e), angle_between(d, e),
               {**options, "comparison": "cosine"}, 1e-9)
        g, h = double_centred(-square(d) / 2), double_centred(-square(e) / 2)
        record("rsa.crossnobis.whitened_cosine", x, y, (g * h).sum() / np.linalg.norm(g) / np.linalg.norm(h), angle_between(g, h),
               {**options, "comparison": "whitened_cosine"}, 1e-9)
    for x, y in (("ties_x", "ties_y"), ("ties_x", "ties_x"), ("pair_x", "pair_y"), ("noise_x", "noise_y")):
        upper = np.triu_indices(len(rows(data[x])), 1)
        d, e = (np.round(squared_distances(data[s])[upper], 12) for s in (x, y))
        total = len(d) * (len(d) - 1) / 2
        concordance, untied_d, untied_e = 0, 0, 0
        for i in range(len(d)):
            a, b = np.sign(d[i + 1:] - d[i]), np.sign(e[i + 1:] - e[i])
            concordance += (a * b).sum()
            untied_d += (a * a).sum()
            untied_e += (b * b).sum()
        tau_b = concordance / np.sqrt(untied_d * untied_e)
        options = {"distance": "squared_euclidean", "conditions": "steps"}
        record("rsa.kendall", x, y, concordance / total, angle_of(tau_b), {**options, "comparison": "kendall"}, 1e-10,
               "value: tau-a; angle: arccos of tau-b, which is 0 for x with itself", tau_b=tau_b)
        r, s = rankdata(d) - (len(d) + 1) / 2, rankdata(e) - (len(e) + 1) / 2
        rho = (r @ s) / np.linalg.norm(r) / np.linalg.norm(s)
        record("rsa.spearman", x, y, 12 * (r @ s) / (len(d) ** 3 - len(d)), angle_between(r, s), {**options, "comparison": "spearman"},
               1e-9, "value: rho-a; angle: arccos of Spearman's rho", rho=rho)


# ----------------------------------------------------------------------------------------------------- 10, 11 Koopman spectra
def delays(a, n_delays, window=None):
    """(trial, row, delay x channel), newest first, each delay times its weight in the window."""
    k, t, c = a.shape
    w = np.ones(n_delays) if window is None else window
    return np.concatenate([w[i] * a[:, n_delays - 1 - i:t - i] for i in range(n_delays)], axis=2)


def havok(a, n_delays, rank, window=None):
    """Operator of ascending time in the leading right singular vectors, and what lifts it back to delays x channels."""
    h = delays(a, n_delays, window)
    flat = h.reshape(-1, h.shape[2])
    u, s, vt = np.linalg.svd(flat, full_matrices=False)
    v = u[:, :rank].reshape(h.shape[0], h.shape[1], rank)
    now, then = v[:, :-1].reshape(-1, rank), v[:, 1:].reshape(-1, rank)
    return np.linalg.lstsq(now, then, rcond=None)[0].T, now, then, s[:rank], vt[:rank]


def least_residual(operator, now, then, kept):
    """Eigenvalues of the `kept` eigenfunctions g = now w with the smallest |then w - lambda now w| / |now w|."""
    values, w = np.linalg.eig(operator.T)
    g = now @ w
    residual = np.linalg.norm(then @ w - g * values, axis=0) / np.linalg.norm(g, axis=0)
    order = np.lexsort((values.imag, values.real, np.round(residual, 10)))
    return values[order[:kept]], residual[order]


def wasserstein(a, b, order):
    cost = np.abs(a[:, None] - b[None]) ** order
    return transport(cost)[0] ** (1 / order)


def triplets(operator):
    """Eigenvalues, unit right and left eigenvectors as columns, in the same order."""
    values, right = np.linalg.eig(operator)
    left = np.linalg.inv(right).conj().T
    return values, right / np.linalg.norm(right, axis=0), left / np.linalg.norm(left, axis=0)


def spectral_grassmann(one, two, eta, grassmann="chordal", order=1):
    (a, ra, la), (b, rb, lb) = one, two
    def sine2(u, v):  # 1 - |<u_i, v_j>|^2 from what is left of u_i beside v_j: exact near 0
        products = v.conj().T @ u
        return (np.abs(u[:, :, None] - v[:, None] * products.T[None]) ** 2).sum(0), np.abs(products.T) ** 2
    (sr, cr), (sl, cl) = sine2(ra, rb), sine2(la, lb)
    sine, delta = np.sqrt(np.minimum(1, sr + cr * sl)), np.sqrt(np.minimum(1, cr * cl))
    geodesic = np.arctan2(sine, delta)
    d = {"chordal": sine, "geodesic": geodesic, "procrustes": 2 * np.sin(geodesic / 2)}[grassmann]
    ground = eta * np.abs(a[:, None] - b[None]) + (1 - eta) * d
    return transport(ground ** order)[0] ** (1 / order), transport(ground)[0]


def koopman(data):
    x, y = "dynamics_x", "dynamics_y"
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(8) + 0.5) / 8)
    for window_name, window in (("rectangular", None), ("hann", hann)):
        for modes, kept in (("all", 10), ("least_residual", 4)):
            spectra = []
            for name in (x, y):
                operator, now, then, _, _ = havok(data[name], 8, 10, window)
                spectra.append(least_residual(operator, now, then, kept))
            for order in (1, 2):
                w = wasserstein(spectra[0][0], spectra[1][0], order)
                record("eigenvalue_wasserstein", x, y, w, np.arctan(w),
                       {"n_delays": 8, "rank": 10, "window": window_name, "modes": modes, "kept": kept, "order": order}, 1e-7,
                       "KoopSTD as the paper describes it, with the window as weights of the delays",
                       eigenvalues_x=[[float(v.real), float(v.imag)] for v in spectra[0][0]], residuals_x=[float(r) for r in spectra[0][1]])
    for x, y in (("operator_x", "operator_y"), ("operator_x", "operator_x")):
        for eta in (0.0, 0.5, 1.0):
            for grassmann in ("chordal", "geodesic", "procrustes"):
                for order in (1, 2):
                    w, mean = spectral_grassmann(triplets(data[x]), triplets(data[y]), eta, grassmann, order)
                    record("sgot.operators", x, y, w, np.arctan(w), {"eta": eta, "grassmann": grassmann, "order": order},
                           1e-9, pot_default=mean ** 0.25)
    x, y = "dynamics_x", "dynamics_y"
    lifted = []
    for name in (x, y):
        operator, _, _, s, vt = havok(data[name], 8, 6)
        values, right, left = triplets(operator)
        lift_right, lift_left = vt.T @ (s[:, None] * right), vt.T @ (left / s[:, None])
        lifted.append((values, lift_right / np.linalg.norm(lift_right, axis=0), lift_left / np.linalg.norm(lift_left, axis=0)))
    for eta in (0.5, 0.9):
        w, mean = spectral_grassmann(*lifted, eta)
        record("sgot", x, y, w, np.arctan(w), {"n_delays": 8, "rank": 6, "eta": eta, "grassmann": "chordal", "order": 1}, 1e-7,
               "channels correspond; eigenvectors lifted to delays x channels", pot_default=mean ** 0.25)
    kept = []
    for name in (x, y):
        operator, now, then, s, vt = havok(data[name], 8, 10)
        values, right, left = triplets(operator)
        g = now @ left.conj()
        residual = np.linalg.norm(then @ left.conj() - g * values, axis=0) / np.linalg.norm(g, axis=0)
        least = np.argsort(residual)[:4]
        lift_right, lift_left = vt.T @ (s[:, None] * right[:, least]), vt.T @ (left[:, least] / s[:, None])
        kept.append((values[least], lift_right / np.linalg.norm(lift_right, axis=0), lift_left / np.linalg.norm(lift_left, axis=0)))
    for time, rate in (("steps", lambda v: v), ("continuous", np.log)):
        w, _ = spectral_grassmann(*((rate(values), right, left) for values, right, left in kept), 0.5)
        record("sgot", x, y, w, np.arctan(w), {"n_delays": 8, "rank": 10, "modes": "least_residual", "kept": 4, "time": time, "eta": 0.5,
                                               "grassmann": "chordal", "order": 1}, 1e-7)


# --------------------------------------------------------------------------------------------------------- 13 over time in trial
def over_time(data):
    x, y = "trials_x", "trials_y"
    for width in (1, 4):
        for estimator, centre in (("biased", double_centred), ("debiased", u_centred)):
            at = [t for t in range(0, data[x].shape[1] - width + 1, width)]
            cut = lambda name, t: linear_kernel(data[name][:, t:t + width])
            curve = [angle_between(centre(cut(x, t)), centre(cut(y, t))) for t in at]
            record("over_time.cka", x, y, float(np.mean(curve)), float(np.mean(curve)),
                   {"kernel": "linear", "estimator": estimator, "window": width, "stride": width}, 1e-9,
                   "mean of the angles of the windows; samples are trials x steps of the window", angles_rad=[float(c) for c in curve])
    upper = np.triu_indices(12, 1)
    curve = []
    for t in range(data[x].shape[1]):
        ranks = [rankdata(np.round(squared_distances(data[s][:, t])[upper], 12)) for s in (x, y)]
        curve.append(float(angle_between(*(r - r.mean() for r in ranks))))
    record("over_time.rsa", x, y, float(np.mean(curve)), float(np.mean(curve)),
           {"conditions": "trials", "distance": "squared_euclidean", "comparison": "spearman", "window": 1, "stride": 1}, 1e-9,
           angles_rad=curve)


# -------------------------------------------------------------------------------------------------------- what has no value
FAILURES = [  # plugin, options, x, y, status (input_error: the option is refused, exit code 2), cause
    ("cca", {}, "wide_x", "wide_y", "not_applicable", "samples do not outnumber channels: both span all samples"),
    ("procrustes", {"alpha": 0.0}, "wide_x", "wide_y", "not_applicable", "the same: fully whitened"),
    ("cka", {"kernel": "ridge", "ridge": 0.0}, "wide_x", "wide_y", "not_applicable", "the same: both hat matrices are the identity"),
    ("neighbours", {"k": 1000}, "pair_x", "pair_y", "not_applicable", "k neighbours need more than k other samples"),
    ("neighbours", {"k": 0}, "pair_x", "pair_y", "input_error", "k is at least 1"),
    ("predictivity", {"folds": 1, "ridge": [0.0]}, "wide_x", "wide_y", "not_applicable", "in-sample R2 is 1 for any data"),
    ("stochastic_shape", {"repeats": 7}, "repeats_x", "repeats_y", "not_applicable", "7 does not divide 20 trials"),
    ("stochastic_shape", {"repeats": 1}, "repeats_x", "repeats_y", "input_error", "one repeat has no covariance"),
    ("stochastic_shape", {"repeats": 10}, "conditions_x", "conditions_y", "not_applicable", "10 does not divide 24 trials"),
    ("rsa", {"conditions": "trial_means", "distance": "crossnobis", "repeats": 1}, "conditions_x", "conditions_y", "input_error", "folds are at least 2"),
    ("rsa", {"conditions": "trial_means", "distance": "crossnobis", "repeats": 12}, "conditions_x", "conditions_y", "not_applicable", "2 conditions: three are needed"),
    ("sgot", {}, "pair_x", "pair_y", "not_applicable", "channels must correspond, and their numbers differ"),
]


# ------------------------------------------------------------------------------------------------------------------------ main
def compute(folder):
    data = {f[:-4]: np.load(os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith(".npy")}
    for part in (kernel_alignments, shapes_and_cca, predictivity, neighbour_measures, matching, stochastic, rsa_additions, koopman,
                 over_time):
        part(data)
    return data


def key(entry):
    return json.dumps([entry["id"], entry["x"], entry["y"], entry["options"]], sort_keys=True)


def main():
    action, folder = sys.argv[1:3]
    if action == "inputs":
        make_inputs(folder, *map(int, sys.argv[3:]))
        return
    compute(folder)
    assert len({key(v) for v in VALUES}) == len(VALUES)
    path = os.path.join(folder, "reference.json")
    old = {key(v): v for v in json.load(open(path))["values"]} if os.path.exists(path) else {}
    if action == "only":
        for v in VALUES:
            if sys.argv[3] in v["id"]:
                print(v["id"], v["x"], v["y"], v["options"], v["value"], v["angle_rad"], v["more"])
    elif action == "check":
        def worst(a, b):
            if isinstance(a, list):
                return max([0.0] + [worst(s, t) for s, t in zip(a, b)])
            return abs(a - b) if isinstance(a, float) and isinstance(b, float) else float(a != b)
        bad = 0
        for v in VALUES:
            o = old[key(v)]
            d = max(worst(v["value"], o["value"]), worst(v["angle_rad"], o["angle_rad"]))
            if d > v["tolerance"]:
                bad += 1
                print("differs by", d, key(v))
        print(len(VALUES), "values,", bad, "differ")
        sys.exit(bool(bad))
    else:
        failures = [dict(zip(("plugin", "options", "x", "y", "status", "cause"), f)) for f in FAILURES]
        entries = lambda all: ",\n".join(json.dumps({k: v for k, v in one.items() if v or k in ("value", "angle_rad", "options")})
                                        for one in all)
        with open(path, "w") as out:
            out.write('{"values": [\n' + entries(VALUES) + '\n],\n"failures": [\n' + entries(failures) + "\n]}\n")
        print(len(VALUES), "values")


if __name__ == "__main__":
    main()
