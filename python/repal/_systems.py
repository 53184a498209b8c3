"""Arrays in memory as systems of the library."""

import ctypes
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import numpy

from ._library import DOUBLE, FLOAT, Handle, Trial, check, encoded, library

Array = Any  # numpy.ndarray
_ma: Any = numpy.ma


def _of_tensor(tensor: Any) -> Array:
    """Of PyTorch, whose signs may be in a bit beside the values."""
    tensor = tensor.detach().cpu()
    tensor = tensor.resolve_neg() if hasattr(tensor, "resolve_neg") else tensor
    try:
        return tensor.numpy()
    except TypeError:
        if not tensor.is_floating_point() or tensor.is_sparse:
            raise
        return tensor.double().numpy()  # e.g. bfloat16


def _require_unmasked(values: Any, what: str) -> None:
    """Also in lists, of which NumPy makes arrays without masks."""
    if isinstance(values, _ma.MaskedArray):
        if _ma.is_masked(values):
            raise ValueError(f"{what}: {_ma.count_masked(values)} values are masked; fill them in, or leave out their trials")
    elif isinstance(values, (list, tuple)):
        for one in values:
            if isinstance(one, (list, tuple, _ma.MaskedArray)):
                _require_unmasked(one, what)


#: As modules/store/axes.cpp and columns.cpp have them; a test compares with the program.
_OF_TRIALS = {"trial", "trials", "epoch", "epochs", "stimulus", "stimuli", "image", "images", "item", "items", "sweep", "sweeps",
              "repetition", "repetitions", "batch", "condition", "conditions", "presentation", "presentations", "block", "session",
              "subject", "animal", "run", "fold", "trialtype"}
_OF_TIME = {"timestep", "timesteps", "timepoint", "timepoints", "time", "times", "step", "steps", "sample", "samples", "bin", "bins",
            "frame", "frames", "time_bin", "time_bins", "t", "timestamp", "timestamps", "seconds", "secs", "sec", "ms", "ts", "elapsed"}
_KINDS = {"block", "session", "subject", "animal", "run", "fold", "trialtype"}
_UNITS = "s|sec|secs|second|seconds|ms|msec|millisecond|milliseconds|us|microsecond|microseconds|min|minutes|hours|days"
_COUNTS = re.compile(r"[ _.]*(number|num|no|nr|id|idx|index|#|count|bin|bins|stamp|point|points)")
_WITH_UNIT = re.compile(rf"(.*[_(\[/])?({_UNITS})( since.*)?[)\]]?")


def _is_channel(column: str) -> bool:
    """Of a table: no number of a trial, no time, no kind of a trial, no index."""
    name = column.lower()
    word = re.split(r"[ _(\[/]", name, maxsplit=1)[0]
    rest = name[len(word):]
    is_number = rest == "" or _COUNTS.fullmatch(rest) is not None
    if word in _OF_TRIALS:
        return word in _KINDS and not is_number
    if word in _OF_TIME:
        return not (is_number or rest.startswith((" (", "(", "[", " [", "/")) or _WITH_UNIT.fullmatch(name))
    return True


def _is_index(table: Any) -> bool:
    """Whether the first column is one: it has no name, or is called so and counts rows."""
    if len(table.columns) < 2:
        return False
    name = str(table.columns[0]).lower()
    if name == "" or name.startswith("unnamed"):
        return True
    is_called_so = name in ("index", "idx", "row", "rows")
    first = numpy.asarray(table.iloc[:, 0])
    if not (is_called_so or name == "i") or first.dtype.kind not in "iuf":
        return False
    counts = bool(first[0] in (0, 1) and (first == first[0] + numpy.arange(len(first))).all())
    return counts or (is_called_so and bool((numpy.diff(first) > 0).all() and (first == numpy.round(first)).all()))


def _require_channels(table: Any, what: str) -> None:
    """Of a table, whose columns and indices may be something else."""
    def text(column: Any) -> str:
        """Of levels, of which some may be empty, e.g. ("time", "")."""
        return "_".join(str(part) for part in column if str(part) != "") if isinstance(column, tuple) else str(column)

    index = [name for name in getattr(getattr(table, "index", None), "names", []) if name is not None]
    others = [column for column in (*index, *table.columns) if not _is_channel(text(column))]
    others += [column for column in table.columns[:1] if column not in others and _is_index(table)]
    if not others:
        return
    columns = [column for column in others if column not in index]
    drop = f".drop(columns={columns!r})" if columns else ""
    trial = next((column for column in others if re.split(r"[ _]", text(column).lower())[0] in _OF_TRIALS), None)
    ways = (f"table{drop}.to_numpy(), if its rows are in their order" if trial is None
            else f"a list of trials: [trial{drop}.to_numpy() for _, trial in table.groupby({trial!r})]")
    raise ValueError(f"{what}: column '{others[0]}' is no channel; {ways}")


def _array(values: Any, what: str) -> Array:
    """Of NumPy, PyTorch, JAX or anything else that gives its memory; double or float, else made double."""
    _require_unmasked(values, what)
    if hasattr(values, "columns"):
        _require_channels(values, what)
    try:
        if hasattr(values, "detach"):
            array = _of_tensor(values)
        elif hasattr(values, "__dlpack__") and not hasattr(values, "__array__") and hasattr(numpy, "from_dlpack"):
            array = numpy.from_dlpack(values)
        else:
            array = numpy.asarray(values)
    except Exception as error:  # whatever kind of array it is
        raise ValueError(f"{what}: no array can be made of it: {error}") from None
    if array.dtype.kind not in "fiub":
        hint = "; a file is loaded before" if isinstance(values, (str, bytes)) or hasattr(values, "__fspath__") else ""
        raise ValueError(f"{what}: expected real numbers, got {array.dtype}{hint}")
    return array if array.dtype in (numpy.float64, numpy.float32) else array.astype(numpy.float64)


def _depth(values: Any) -> int:
    """How deep lists of lists of numbers are, of whatever type the numbers; 0 of a number, -1 of anything else."""
    if isinstance(values, (list, tuple)):
        depths = {_depth(one) for one in values}
        depth = depths.pop() if len(depths) == 1 else -1
        return depth + 1 if depth >= 0 else -1
    return 0 if isinstance(values, (int, float, numpy.number, numpy.bool_)) or getattr(values, "ndim", None) == 0 else -1


def trials_of(values: Any, what: str) -> "List[Array]":
    """Each (time, channel)."""
    depth = _depth(values) if isinstance(values, (list, tuple)) else 0
    lengths = {len(row) for row in values} if depth == 2 else set()
    if len(lengths) > 1:
        raise ValueError(f"{what}: rows of {min(lengths)} and of {max(lengths)} numbers; one trial has (time, channel)")
    # Numbers alone are one array, but of trials that differ in steps.
    if depth < 0 or depth > 2:
        _require_unmasked(values, what)
        trials = [_array(trial, f"{what}, trial {k}") for k, trial in enumerate(values)]
        trials = [trial[:, None] if trial.ndim == 1 else trial for trial in trials]
    else:
        array = _array(values, what)
        if array.ndim == 1:
            array = array[:, None]
        trials = list(array) if array.ndim == 3 else [array]
    for trial in trials:
        if trial.ndim != 2:
            shape = trial.shape if isinstance(values, (list, tuple)) else numpy.shape(values)
            raise ValueError(f"{what}: expected (trial, time, channel), (time, channel), or a list of (time, channel), got {shape}")
    return trials


def described(trials: "List[Array]") -> Any:
    """As repal_trial, which point to the values."""
    all_of_them = (Trial * len(trials))()
    for target, trial in zip(all_of_them, trials):
        target.values = trial.ctypes.data
        target.type = FLOAT if trial.dtype == numpy.float32 else DOUBLE
        target.steps, target.channels = trial.shape
        target.step_stride, target.channel_stride = trial.strides
    return all_of_them


def seen(view: Trial) -> Array:
    """(time, channel) of doubles, where they lie."""
    count = view.steps * view.channels
    memory = (ctypes.c_double * count).from_address(view.values)
    return numpy.frombuffer(memory, dtype=numpy.float64).reshape(view.steps, view.channels)


class System(Handle):
    """Trials of one system, and what is known of them.

    Parameters
    ----------
    values : array (trial, time, channel) or (time, channel), or a list of trials (time, channel)
        NumPy, PyTorch, JAX, or what NumPy makes an array of. Trials may differ in steps, not in channels.
    name : str
        In tables and figures.
    dt : float, optional
        The time of a step, in s.
    inputs : the same as values, optional
        What was put in, (trial, time, input); for ``input_dsa``.
    conditions : sequence of int, optional
        The condition that each trial repeats; for metrics that compare conditions.
    """

    def __init__(self, values: Any, name: str = "system", *, dt: Optional[float] = None, inputs: Any = None, conditions: Any = None) -> None:
        super().__init__(library.repal_system_free)
        code = encoded(name, "the name of a system")
        self._name = name
        trials = trials_of(values, name)
        try:
            check(library.repal_system_create(code, described(trials), len(trials), ctypes.byref(self.pointer)))
        except ValueError as error:
            padded = " (trials that are padded: a list of trials without what is missing)" if "every value must be finite" in str(error) else ""
            raise ValueError(f"{error}{padded}") from None
        self._shape = f"{len(trials)} trials of {min(map(len, trials))} steps or more, {trials[0].shape[1]} channels"
        if dt is not None:
            try:
                step = float(dt)
            except (TypeError, ValueError):
                raise ValueError(f"{name}: dt is {dt!r}: expected the time of a step in s") from None
            check(library.repal_system_set_dt(self.pointer, step))
        if inputs is not None:
            given = trials_of(inputs, f"inputs of {name}")
            check(library.repal_system_set_inputs(self.pointer, described(given), len(given)))
        if conditions is not None:
            _require_unmasked(conditions, f"conditions of {name}")
            numbers = _of_tensor(conditions) if hasattr(conditions, "detach") else numpy.asarray(conditions)
            if numbers.dtype.kind not in "iub" or numbers.ndim != 1 or (numbers.size > 0 and int(numbers.max()) >= 2**63):
                raise ValueError(f"conditions of {name}: expected a whole number for each trial")
            numbers = numpy.ascontiguousarray(numbers, dtype=numpy.int64)
            pointer = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
            check(library.repal_system_set_conditions(self.pointer, pointer, len(numbers)))

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<System '{self._name}': {self._shape}>"

    def trials(self) -> "List[Array]":
        """Copies of the trials, (time, channel) each."""
        view = Trial()
        trials = []
        for k in range(library.repal_system_trials(self.pointer)):
            check(library.repal_system_trial(self.pointer, k, ctypes.byref(view)))
            trials.append(seen(view).copy())
        return trials


Systems = Union[Sequence[Any], Mapping[str, Any]]


def _beside(given: Any, names: "List[str]", what: str) -> "List[Any]":
    """What is said of each system: by its name, or in their order."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        by_name = {str(name): value for name, value in given.items()}
        if set(by_name) != set(names):
            raise ValueError(f"{what} of {', '.join(by_name)} for {', '.join(names)}")
        return [by_name[name] for name in names]
    if isinstance(given, str):
        raise ValueError(f"{what}: '{given}' is an option of a metric: metric={{\"rsa\": {{\"{what}\": \"{given}\"}}}} says it")
    values = list(given)
    if len(values) != len(names):
        raise ValueError(f"{what} of {len(values)} systems for {len(names)}: a list, one for each system")
    return values


def systems_in(systems: Systems, *, dt: Optional[float], inputs: Optional[Sequence[Any]],
               conditions: Optional[Sequence[Any]]) -> "List[System]":
    """Each of the given ones, with what is said of all."""
    if hasattr(systems, "items"):
        named = [(str(name), values) for name, values in systems.items()]
    else:
        named = [(one.name if isinstance(one, System) else f"system {i}", one) for i, one in enumerate(systems)]
    names: Dict[str, int] = {}
    for name, _ in named:
        names[name] = names.get(name, 0) + 1
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise ValueError(f"two systems are called '{twice[0]}'")
    inputs_of_all = _beside(inputs, [name for name, _ in named], "inputs")
    conditions_of_all = _beside(conditions, [name for name, _ in named], "conditions")
    made = []
    for (name, values), u, c in zip(named, inputs_of_all, conditions_of_all):
        if isinstance(values, System):
            if dt is not None or inputs is not None or conditions is not None:
                raise ValueError("dt, inputs and conditions of a System are said where it is made")
            if values.name != name:
                raise ValueError(f"the System '{values.name}' is called '{name}' here")
            made.append(values)
        else:
            made.append(System(values, name, dt=dt, inputs=u, conditions=c))
    return made


def handles_of(systems: "List[System]") -> Any:
    return (ctypes.c_void_p * len(systems))(*[system.pointer for system in systems])
