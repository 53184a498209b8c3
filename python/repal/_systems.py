"""Arrays in memory as systems of the library."""

import ctypes
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import numpy

from ._library import DOUBLE, FLOAT, Handle, Trial, check, library

Array = Any  # numpy.ndarray
_ma: Any = numpy.ma


def _array(values: Any, what: str) -> Array:
    """Of NumPy, PyTorch, JAX or anything else that gives its memory; double or float, else made double."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if isinstance(values, _ma.MaskedArray) and _ma.is_masked(values):
        raise ValueError(f"{what}: {_ma.count_masked(values)} values are masked; fill them in, or leave out their trials")
    try:
        foreign = hasattr(values, "__dlpack__") and hasattr(numpy, "from_dlpack") and not isinstance(values, numpy.ndarray)
        array = numpy.from_dlpack(values) if foreign else numpy.asarray(values)
    except (ValueError, TypeError, RuntimeError, BufferError) as error:
        raise ValueError(f"{what}: no array can be made of it: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what}: expected real numbers, got {array.dtype}")
    return array if array.dtype in (numpy.float64, numpy.float32) else array.astype(numpy.float64)


def _is_nested_numbers(values: Any) -> bool:
    """Lists of lists of numbers, as a whole one array."""
    if isinstance(values, (list, tuple)):
        return len(values) > 0 and all(_is_nested_numbers(one) for one in values)
    return isinstance(values, (int, float))


def _is_regular(values: Any) -> bool:
    try:
        return numpy.asarray(values).dtype.kind in "fiub"
    except ValueError:  # ragged
        return False


def trials_of(values: Any, what: str) -> "List[Array]":
    """Each (time, channel)."""
    if isinstance(values, (list, tuple)) and not (_is_nested_numbers(values) and _is_regular(values)):
        trials = [_array(trial, f"{what}, trial {k}") for k, trial in enumerate(values)]
        trials = [trial[:, None] if trial.ndim == 1 else trial for trial in trials]
        shape = trials[0].shape if trials else ()
    else:
        array = _array(values, what)
        shape = array.shape
        if array.ndim == 1:
            array = array[:, None]
        trials = list(array) if array.ndim == 3 else [array]
    for trial in trials:
        if trial.ndim != 2:
            raise ValueError(f"{what}: expected (trial, time, channel), (time, channel), or a list of (time, channel), "
                             f"got {trial.shape if isinstance(values, (list, tuple)) else shape}")
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

    def __init__(self, values: Any, name: str, *, dt: Optional[float] = None, inputs: Any = None, conditions: Any = None) -> None:
        super().__init__(library.repal_system_free)
        self.name = name
        trials = trials_of(values, name)
        check(library.repal_system_create(name.encode(), described(trials), len(trials), ctypes.byref(self.pointer)))
        if dt is not None:
            check(library.repal_system_set_dt(self.pointer, float(dt)))
        if inputs is not None:
            given = trials_of(inputs, f"inputs of {name}")
            check(library.repal_system_set_inputs(self.pointer, described(given), len(given)))
        if conditions is not None:
            numbers = numpy.asarray(conditions)
            if numbers.dtype.kind not in "iub" or numbers.ndim != 1:
                raise ValueError(f"conditions of {name}: expected a whole number for each trial")
            numbers = numpy.ascontiguousarray(numbers, dtype=numpy.int64)
            pointer = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
            check(library.repal_system_set_conditions(self.pointer, pointer, len(numbers)))

    def trials(self) -> "List[Array]":
        """Copies of the trials, (time, channel) each."""
        view = Trial()
        trials = []
        for k in range(library.repal_system_trials(self.pointer)):
            check(library.repal_system_trial(self.pointer, k, ctypes.byref(view)))
            trials.append(seen(view).copy())
        return trials


Systems = Union[Sequence[Any], Mapping[str, Any]]


def systems_in(systems: Systems, *, dt: Optional[float], inputs: Optional[Sequence[Any]],
               conditions: Optional[Sequence[Any]]) -> "List[System]":
    """Each of the given ones, with what is said of all."""
    if isinstance(systems, Mapping):
        named = [(str(name), values) for name, values in systems.items()]
    else:
        named = [(one.name if isinstance(one, System) else str(i), one) for i, one in enumerate(systems)]
    names: Dict[str, int] = {}
    for name, _ in named:
        names[name] = names.get(name, 0) + 1
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise ValueError(f"two systems are called '{twice[0]}'")
    for what, beside in (("inputs", inputs), ("conditions", conditions)):
        if beside is not None and len(beside) != len(named):
            raise ValueError(f"{what} of {len(beside)} systems for {len(named)}")
    made = []
    for i, (name, values) in enumerate(named):
        if isinstance(values, System):
            if dt is not None or inputs is not None or conditions is not None:
                raise ValueError("dt, inputs and conditions of a System are said where it is made")
            if values.name != name:
                raise ValueError(f"the System '{values.name}' is called '{name}' here")
            made.append(values)
        else:
            made.append(System(values, name, dt=dt, inputs=None if inputs is None else inputs[i],
                               conditions=None if conditions is None else conditions[i]))
    return made


def handles_of(systems: "List[System]") -> Any:
    return (ctypes.c_void_p * len(systems))(*[system.pointer for system in systems])
