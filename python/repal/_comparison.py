"""All pairs of systems, compared."""

import ctypes
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy

from ._library import Handle, as_json, call, encoded, host, library, text_of
from ._results import Table, table_in
from ._systems import Array, Systems, handles_of, systems_in


def _seen_from_b(column: str, columns: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The column that says of (b, a) what this one says of (a, b). Of the values of a metric tau_a is no tau of a."""
    of_systems = () if column in values else (("_a", "_b"), ("_b", "_a"))
    for own, other in (("_a_to_b", "_b_to_a"), ("_b_to_a", "_a_to_b"), *of_systems):
        if column.endswith(own) and column[: -len(own)] + other in columns:
            return column[: -len(own)] + other
    return column


Metrics = Union[str, Sequence[str], Mapping[str, Mapping[str, Any]]]


class Comparison:
    """Scores of all pairs of systems, by one or more metrics.

    Attributes
    ----------
    names : list of str
        Of the systems, in the order of the matrices.
    metrics : list of str
    rows : list of dict
        One for each metric and pair: angle, interval and noise floor in rad, dissimilarity in units of pi/2, status, values, note,
        curves over time, ...
    warnings : list of str
        What is to be known of the numbers.
    """

    def __init__(self, handle: Handle, host: Handle, names: List[str], metrics: List[str], warnings: List[str]) -> None:
        self._handle = handle
        self._host = host  # which its metrics are of
        self.names = names
        self.metrics = metrics
        self.warnings = warnings
        self.rows: List[Dict[str, Any]] = json.loads(text_of(library.repal_comparison_json, handle.pointer))

    @property
    def table(self) -> Table:
        """The columns of :meth:`csv`: a table of pandas where that is installed, else a structured array."""
        texts = [name for name in self.rows[0] if any(isinstance(row[name], str) for row in self.rows)] if self.rows else []
        return table_in(self.csv(), texts)

    def __reduce__(self) -> Any:
        raise TypeError("a Comparison is in the memory of this process and cannot be pickled: keep its rows, csv() or report()")

    def _metric(self, metric: Optional[str]) -> str:
        if metric is None:
            if len(self.metrics) != 1:
                raise ValueError(f"of which metric? {', '.join(self.metrics)} were compared")
            return self.metrics[0]
        if metric not in self.metrics:
            raise ValueError(f"no metric '{metric}' was compared; one of: {', '.join(self.metrics)}")
        return metric

    def matrix_of(self, metric: Optional[str] = None, column: str = "dissimilarity") -> Array:
        """A column of numbers for all pairs.

        Parameters
        ----------
        metric : str, optional
            One of :attr:`metrics`; needed if there are several.
        column : str
            Of the rows, or the name of a value of the metric, e.g. "cka".

        Returns
        -------
        array (system, system)
            Of the systems of its row and its column. Symmetric but for what points one way: of "r2_a_to_b" row a and column b have
            how well a tells b. Its diagonal is 0 for "dissimilarity" and "angle_rad", else nan; nan, too, where a pair has no
            value.
        """
        name = self._metric(metric)
        n = len(self.names)
        matrix = numpy.full((n, n), numpy.nan)
        if column in ("dissimilarity", "angle_rad"):
            numpy.fill_diagonal(matrix, 0)
        pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
        rows = [{**(row["values"] or {}), **row} for row in self.rows if row["metric"] == name]
        columns = dict.fromkeys(key for row in rows for key in row)
        values = dict.fromkeys(key for row in self.rows if row["metric"] == name for key in row["values"] or {})
        numbers = [key for key in columns if all(row.get(key) is None or isinstance(row[key], (int, float)) for row in rows)]
        if column not in numbers:
            raise ValueError(f"{name} has no numbers '{column}'; one of: {', '.join(numbers)}")
        for (a, b), row in zip(pairs, rows):
            for place, of_pair in (((a, b), column), ((b, a), _seen_from_b(column, columns, values))):
                if row.get(of_pair) is not None:
                    matrix[place] = row[of_pair]
        return matrix

    @property
    def matrix(self) -> Array:
        """Dissimilarities (system, system) of the only metric, in units of pi/2."""
        return self.matrix_of()

    def report(self, file: Any) -> None:
        """Writes a page with figures, for any browser.

        Parameters
        ----------
        file : str or path
            E.g. "page.html".
        """
        text = text_of(library.repal_comparison_page, self._handle.pointer)
        with open(file, "w", encoding="utf-8") as target:
            target.write(text)

    def csv(self) -> str:
        """What ``repal compare --format csv`` prints."""
        return text_of(library.repal_comparison_csv, self._handle.pointer)

    def plot(self, metric: Optional[str] = None, ax: Any = None) -> Any:
        """Draws the dissimilarities as a map, with matplotlib.

        Parameters
        ----------
        metric : str, optional
            Needed if there are several.
        ax : matplotlib.axes.Axes, optional
            Where; else in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        name = self._metric(metric)
        try:
            import matplotlib.pyplot
        except ImportError:
            raise ImportError("plot() needs matplotlib: pip install matplotlib; report() does not") from None
        if ax is None:
            _, ax = matplotlib.pyplot.subplots()
        image = ax.imshow(self.matrix_of(name), vmin=0, cmap="viridis")
        n = len(self.names)
        ax.set_xticks(range(n))
        ax.set_xticklabels(self.names, rotation=45, ha="right")
        ax.set_yticks(range(n))
        ax.set_yticklabels(self.names)
        ax.set_title(name)
        ax.figure.colorbar(image, ax=ax, label="dissimilarity (units of π/2)")
        return ax

    def __repr__(self) -> str:
        without = sum(row["status"] != "ok" for row in self.rows)
        text = f"Comparison of {len(self.names)} systems by {', '.join(self.metrics)}"
        return f"<{text}{f'; {without} of {len(self.rows)} pairs have no value' if without else ''}>"


def metrics_in(metric: Metrics, options: Mapping[str, Any]) -> "Dict[str, Dict[str, Any]]":
    """The options of each metric."""
    if isinstance(metric, str):
        metric = [metric]
    try:
        metrics = {name: dict(given or {}) for name, given in metric.items()} if isinstance(metric, Mapping) else {name: {} for name in metric}
    except (TypeError, ValueError):
        raise ValueError(f"metric is {metric!r}: expected a name, several, or a mapping from names to options") from None
    if not metrics:
        raise ValueError(f"no metric is named: metric is {metric!r}")
    for name in metrics:
        encoded(name, "the name of a metric")
    if options and len(metrics) != 1:
        raise ValueError(f"{', '.join(options)}: of which metric? metric={{\"{next(iter(metrics), 'dsa')}\": {{...}}}} says it")
    for given in metrics.values():
        given.update(options)
    return metrics


def components_of(pca: Any, metrics: Mapping[str, Any]) -> Any:
    """The number of all metrics, or what is said of each."""
    return pca if isinstance(pca, Mapping) else {name: {"components": pca} for name in metrics}


def compare(systems: Systems, metric: Metrics = "dsa", *, dt: Optional[float] = None, inputs: Optional[Sequence[Any]] = None,
            conditions: Optional[Sequence[Any]] = None, calibrate: bool = False, family_wise: bool = False,
            pca: Union[int, Mapping[str, Any], None] = None, over_time: Union[str, int, Tuple[int, int], None] = None, across: bool = False, jobs: int = 0,
            progress: Optional[bool] = None, **options: Any) -> Comparison:
    """Compare every pair of systems.

    Parameters
    ----------
    systems : sequence, or mapping from names
        Each (trial, time, channel), (time, channel), a list of trials (time, channel), or a :class:`System`; of NumPy, PyTorch,
        JAX.
    metric : str, list of str, or mapping from names to options
        See :func:`metrics`.
    dt : float, optional
        The time of a step of all systems, in s.
    inputs, conditions : sequences, or mappings from names, optional
        Of each system: (trial, time, input); a whole number for each trial.
    calibrate : bool
        An interval, a noise floor and p beside each score.
    family_wise : bool
        p by the largest of all pairs.
    pca : int or mapping, optional
        Components that metrics see of a system: 20, or e.g. ``{"dsa": {"components": 20}}``.
    over_time : str, int or (int, int), optional
        Length of windows and from one to the next, in steps, e.g. "20:10" or (20, 10); angles of each are in the curves of the rows.
    across : bool
        Every window with every other.
    jobs : int
        Threads; 0: all that this process may use. The numbers are the same.
    progress : bool, optional
        Bars of tqdm; by default on a terminal, where it is installed.
    **options
        Of the metric, if there is one, e.g. ``rank=6``; ``"auto"`` is chosen from the data. One that is called as a parameter
        here stands in a mapping: ``metric={"rsa": {"conditions": "trials"}}``.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        What was given cannot be used; the text says what would be right. A pair that has no value is no error: its status and
        note say why.

    Examples
    --------
    >>> import numpy
    >>> x = numpy.random.default_rng(1).standard_normal((8, 100, 3)).cumsum(1)
    >>> exchanged = x[:, :, [1, 0, 2]]
    >>> d = compare([x, exchanged], metric=["procrustes", "dsa"])
    >>> d.matrix_of("procrustes").round(6)
    array([[0., 0.],
           [0., 0.]])
    """
    asked: Dict[str, Any] = {"metrics": metrics_in(metric, options), "calibrate": calibrate, "family_wise": family_wise}
    if pca is not None:
        asked["pca"] = components_of(pca, asked["metrics"])
    if over_time is not None:
        asked["over_time"] = ":".join(map(str, over_time)) if isinstance(over_time, (tuple, list)) else str(over_time)
    if across is not False:
        asked["across"] = across
    text = as_json(asked)
    with_metrics = host()
    held = systems_in(systems, dt=dt, inputs=inputs, conditions=conditions)
    handle = Handle(library.repal_comparison_free)
    said = call(lambda calls: library.repal_compare(with_metrics.pointer, handles_of(held), len(held), text, calls, ctypes.byref(handle.pointer)),
                jobs, progress)
    return Comparison(handle, with_metrics, [system.name for system in held], list(asked["metrics"]), said)
