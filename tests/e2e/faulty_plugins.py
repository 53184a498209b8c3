"""A metric and a task whose option `fault` says in which way they are wrong, and a study that is small enough for them."""

import os

from program import BAD_PLUGINS

# A sanitizer shall not take the signal of a crash for itself.
for variable in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
    os.environ[variable] = os.environ.get(variable, "") + ":handle_segv=0"

FAULTY_METRIC = BAD_PLUGINS / "faulty" / "metric_faulty.so"
FAULTY_TASK = BAD_PLUGINS / "faulty" / "task_faulty.so"
CLASSES = "classes: {low: [r0.25, r0.75], high: [r30, r50]}"
SMALL = ["--set", f"studies.attractors.experiments={{lorenz: {{{CLASSES}}}}}",
         "--set", "studies.attractors.simulation.trials=10", "--set", "studies.attractors.bootstrap.resamples=20"]
