"""One metric, step by step; and metrics of one's own."""

import ctypes
import itertools
import json
import re
import threading
from typing import Any, Callable, Dict, List, Sequence

import numpy

from ._library import BAD_INPUT, FAILED, OK, Compare, Free, Handle, OwnMetric, Prepare, add_metric, as_json, check, encoded, host, library, running, text_of
from ._systems import Array, System, Systems, seen, systems_in


class Embedding(Handle):
    """What a metric knows of one system."""

    def __repr__(self) -> str:
        return f"<Embedding of '{self.name}'>"

    def __init__(self, metric: "Metric", system: System) -> None:
        super().__init__(library.repal_embedding_free)
        self.name = system.name
        self._host = metric._host  # whose functions may hold it
        try:
            with running.one():
                check(library.repal_metric_prepare(metric._handle.pointer, system.pointer, ctypes.byref(self.pointer)))
        finally:
            _raise_interrupted()


class Metric:
    """A metric with all its options: systems are prepared once, and then compared.

    Parameters
    ----------
    name : str
        See :func:`metrics`.
    **options
        Of the metric. Those that :func:`compare` chooses from the data are to be given: what :func:`tune` finds.

    Examples
    --------
    >>> metric = Metric("cka")
    >>> lorenz, chaotic = (simulate("lorenz", r=r, trials=20) for r in (0.5, 28))
    >>> embedded = metric.prepare(lorenz)
    >>> metric.compare(embedded, embedded)["dissimilarity"]
    0.0
    >>> metric(lorenz, chaotic) == metric.compare(embedded, metric.prepare(chaotic))["dissimilarity"]
    True
    """

    def __init__(self, name: str, **options: Any) -> None:
        self._make(name, options)

    def _make(self, name: str, options: "Dict[str, Any]") -> None:
        used = host()
        handle = Handle(library.repal_metric_free)
        check(library.repal_metric_create(used.pointer, encoded(name, "the name of a metric"), as_json(options), ctypes.byref(handle.pointer)))
        self._host, self._handle, self._name, self._options = used, handle, name, dict(options)

    @property
    def name(self) -> str:
        return self._name

    @property
    def options(self) -> "Dict[str, Any]":
        return dict(self._options)

    def prepare(self, system: Any, name: str = "system") -> Embedding:
        """What it knows of a system; costly.

        Parameters
        ----------
        system : array (trial, time, channel), list of trials, or System
        name : str
            Of an array, in what compare() gives.

        Returns
        -------
        Embedding
        """
        return Embedding(self, system if isinstance(system, System) else System(system, name))

    def compare(self, a: Embedding, b: Embedding) -> "Dict[str, Any]":
        """How far two systems are apart; cheap.

        Returns
        -------
        dict
            As a row of :class:`Comparison`: angle in rad, dissimilarity in units of pi/2, status, values, note, ... What
            :func:`compare` finds out of all systems together, e.g. that one is noise, it does not say.
        """
        for one in (a, b):
            if not isinstance(one, Embedding):
                raise ValueError(f"expected what prepare() gives, got {type(one).__name__}")
        try:
            with running.one():
                text = text_of(library.repal_metric_compare, self._handle.pointer, a.pointer, b.pointer)
        finally:
            _raise_interrupted()
        rows: List[Dict[str, Any]] = json.loads(text)
        return rows[0]

    def __call__(self, x: Any, y: Any) -> float:
        """The dissimilarity of two systems, in units of pi/2. Raises ValueError if there is none."""
        return self._value(self.compare(self.prepare(x), self.prepare(y)))

    def pairwise(self, systems: Systems) -> Array:
        """Dissimilarities (system, system) of all pairs, each prepared once; nan where there is no value."""
        embedded = [self.prepare(system) for system in systems_in(systems, dt=None, inputs=None, conditions=None)]
        matrix = numpy.zeros((len(embedded), len(embedded)))
        for a, b in itertools.combinations(range(len(embedded)), 2):
            row = self.compare(embedded[a], embedded[b])
            matrix[a, b] = matrix[b, a] = numpy.nan if row["dissimilarity"] is None else row["dissimilarity"]
        return matrix

    @staticmethod
    def _value(row: "Dict[str, Any]") -> float:
        if row["status"] != "ok":
            raise ValueError(f"{row['metric']}: {row['status']}: {row['note']}")
        return float(row["dissimilarity"])

    def get_params(self, deep: bool = True) -> "Dict[str, Any]":
        """The name and the options, as scikit-learn asks for them."""
        return {"name": self._name, **self._options}

    def set_params(self, **params: Any) -> "Metric":
        """Changes the name or options, as scikit-learn does."""
        options = {**self._options, **params}
        self._make(options.pop("name", self._name), options)
        return self

    def __reduce__(self) -> Any:
        return _remade, (self._name, self._options)

    def __repr__(self) -> str:
        return f"Metric({', '.join([repr(self.name)] + [f'{name}={value!r}' for name, value in self.options.items()])})"


def _remade(name: str, options: "Dict[str, Any]") -> Metric:
    return Metric(name, **options)


#: What is no failure of a metric but ends what called it, e.g. Ctrl-C.
_interruptions: List[BaseException] = []


def _raise_interrupted() -> None:
    if _interruptions:
        raise _interruptions.pop()


def _told(error: BaseException, why: int, size: int) -> int:
    """Writes what went wrong where the library reads it; its code. Never raises: nobody would see it."""
    is_input = isinstance(error, ValueError)
    try:
        if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
            _interruptions.append(error)
        text = (str(error) if is_input else f"{type(error).__name__}: {error}").encode(errors="replace").replace(b"\0", b" ")
        text = text[: size - 1].decode(errors="ignore").encode() + b"\0"
        ctypes.memmove(why, text, len(text))
    except Exception:
        pass
    return BAD_INPUT if is_input else FAILED


#: What functions of metrics in Python have given, by the numbers that the library knows them by.
_given: Dict[int, Any] = {}
_numbers = itertools.count(1)


def register_metric(name: str, prepare: Callable[[Any], Any], compare: Callable[[Any, Any], float], *, summary: str = "",
                    corresponding: Sequence[str] = (), needs_equal_steps: bool = True, triangle_inequality: bool = False) -> None:
    """Adds a metric in Python, to try things out: it is compared, calibrated and shown as any other.

    It is called by one thread at a time, whatever ``jobs`` says.

    Parameters
    ----------
    name : str
        Of lower-case letters, digits and _. One that was registered before is replaced.
    prepare : callable
        From a system, an array (trial, time, channel) or a list of trials (time, channel) if their steps differ, to whatever
        `compare` needs. ValueError: this system cannot be compared.
    compare : callable
        From what two systems gave to an angle in rad, 0 (alike) to pi, the same for (a, b) and (b, a). ValueError: this pair has
        no value.
    summary : str
    corresponding : sequence of {"rows", "conditions", "channels"}
        What of two systems corresponds one to one; rows are trials and steps.
    needs_equal_steps : bool
        In all trials of a system; others are refused.
    triangle_inequality : bool
        Of the angle.

    Examples
    --------
    >>> import numpy
    >>> register_metric("speed", lambda x: float(numpy.abs(numpy.diff(x, axis=1)).mean()), lambda a, b: min(abs(a - b), 3.0))
    >>> x = simulate("lorenz", trials=10)
    >>> float(compare([x, 2 * x], metric="speed").matrix[0, 1]) > 0
    True
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"a metric cannot be called '{name}': a name is of lower-case letters, digits and _, and begins with a letter")

    def on_prepare(_user: Any, trials: Any, n: int, embedding: Any, why: int, size: int) -> int:
        try:
            if running.is_ending:
                return FAILED
            arrays = [seen(trials[k]).copy() for k in range(n)]
            is_one = len({array.shape for array in arrays}) == 1
            number = next(_numbers)
            _given[number] = prepare(numpy.stack(arrays) if is_one else arrays)
            embedding[0] = number
            return OK
        except BaseException as error:
            return _told(error, why, size)

    def on_compare(_user: Any, a: int, b: int, angle: Any, why: int, size: int) -> int:
        try:
            if running.is_ending:
                return FAILED
            angle[0] = float(compare(_given[a], _given[b]))
            return OK
        except BaseException as error:
            return _told(error, why, size)

    def on_free(_user: Any, embedding: int) -> None:
        _given.pop(embedding, None)

    own = OwnMetric(None, Prepare(on_prepare), Compare(on_compare), Free(on_free))
    # Another version each time: what an earlier one has prepared is not its own.
    described = {"name": name, "version": str(next(_numbers)), "summary": summary,
                 "corresponding": [corresponding] if isinstance(corresponding, str) else list(corresponding),
                 "needs_equal_steps": needs_equal_steps, "triangle_inequality": triangle_inequality}
    add_metric(name, as_json(described), own)
