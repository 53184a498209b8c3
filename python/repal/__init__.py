"""How alike are the dynamics of neural systems?

    import repal
    d = repal.compare([x, y, z], metric="dsa", calibrate=True)   # x: (trial, time, channel), or a list of trials
    d.matrix, d.table, d.report("page.html"), d.plot()

The numbers are those of the program ``repal``, to the bit; nothing goes through files.
"""

try:
    import numpy as _numpy  # noqa: F401
except ImportError as error:
    raise ImportError("repal needs NumPy: pip install numpy") from error

from ._comparison import Comparison, compare
from ._library import load_plugins, metrics, tasks, version
from ._metric import Embedding, Metric, register_metric
from ._results import read_results
from ._systems import System
from ._tasks import Dataset, simulate, trials
from ._tuning import Tuning, tune

__version__ = version()
__all__ = ["Comparison", "Dataset", "Embedding", "Metric", "System", "Tuning", "compare", "load_plugins", "metrics", "read_results",
           "register_metric", "simulate", "tasks", "trials", "tune"]
