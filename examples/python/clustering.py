"""Dissimilarities for scikit-learn: which of twelve systems belong together?"""

import numpy
import repal
from sklearn.cluster import AgglomerativeClustering

random = numpy.random.default_rng(0)
systems = []
for turn in (0.1, 0.5):  # rad a step
    for _ in range(6):
        phase = random.uniform(0, 2 * numpy.pi, (20, 1)) + turn * numpy.arange(80)
        circle = numpy.stack([numpy.cos(phase), numpy.sin(phase)], axis=2)
        systems.append(circle @ random.standard_normal((2, 5)) + 0.05 * random.standard_normal((20, 80, 5)))

tuned = repal.tune(systems, "dsa")
print(tuned.chosen, tuned.sentences[0])
metric = repal.Metric("dsa", **tuned.chosen)
matrix = metric.pairwise(systems)
found = AgglomerativeClustering(2, metric="precomputed", linkage="average") if "metric" in AgglomerativeClustering().get_params() else \
    AgglomerativeClustering(2, affinity="precomputed", linkage="average")
print(found.fit_predict(matrix))
