"""Settings of a metric, chosen from data."""

import ctypes
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._comparison import Metrics, components_of, metrics_in
from ._library import as_json, call, host, library, taken
from ._results import Table, table_of
from ._systems import Systems, handles_of, systems_in


class Tuning:
    """What the data say of the settings of a metric.

    Attributes
    ----------
    metric : str
    chosen : dict
        The options that were chosen, ready for ``Metric(name, **tuning.chosen)``; empty if nothing was.
    sentences, warnings : list of str
        Why, and what is to be known of it.
    rows : list of dict
        What was found of each setting.
    systems : list of dict
        How far each system can be trusted.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.metric: str = found["metric"]
        self.chosen: Dict[str, Any] = found["chosen"] or {}
        self.sentences: List[str] = found["sentences"]
        self.warnings: List[str] = found["warnings"]
        self.rows: List[Dict[str, Any]] = found["settings"]
        self.systems: List[Dict[str, Any]] = found["systems"]

    @property
    def table(self) -> Table:
        """The rows as a table: of pandas where that is installed, else a structured array."""
        return table_of(self.rows)

    def __repr__(self) -> str:
        return f"<Tuning of {self.metric}: {self.chosen or 'nothing was chosen'}>"


def tune(systems: Systems, metric: Metrics = "dsa", *, dt: Optional[float] = None, inputs: Optional[Sequence[Any]] = None,
         conditions: Optional[Sequence[Any]] = None, pca: Union[int, Mapping[str, Any], None] = None, jobs: int = 0,
         progress: Optional[bool] = None, **options: Any) -> Tuning:
    """Which delays and which rank suit the systems, and why.

    Parameters
    ----------
    systems, dt, inputs, conditions, pca, jobs, progress
        As of :func:`compare`.
    metric : str, or mapping from one name to options
        Of which settings are chosen.
    **options
        Of the metric: a list of values is tried, another value is as it is given.

    Returns
    -------
    Tuning

    Raises
    ------
    ValueError
        What was given cannot be used.

    Examples
    --------
    >>> x = [simulate("lorenz", r=r, trials=20, steps=100) for r in (28, 60)]
    >>> sorted(tune(x, n_delays=[2, 5], rank=[3, 6]).chosen)
    ['n_delays', 'rank']
    """
    metrics = metrics_in(metric, options)
    if len(metrics) != 1:
        raise ValueError(f"one metric is tuned, not {', '.join(metrics)}: e.g. metric=\"{next(iter(metrics))}\"")
    asked: Dict[str, Any] = {"metrics": metrics}
    if pca is not None:
        asked["pca"] = components_of(pca, asked["metrics"])
    text = as_json(asked)
    with_metrics = host()
    held = systems_in(systems, dt=dt, inputs=inputs, conditions=conditions)
    found = ctypes.c_void_p()
    call(lambda calls: library.repal_tune(with_metrics.pointer, handles_of(held), len(held), text, calls, ctypes.byref(found)), jobs, progress)
    return Tuning(json.loads(taken(found)))
