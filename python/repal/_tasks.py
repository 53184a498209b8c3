"""Systems that are simulated, and trials of tasks."""

import ctypes
import json
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

import numpy

from ._library import Handle, Trial, as_json, check, encoded, host, library, text_of
from ._systems import Array, seen


def simulate(system: Union[str, Mapping[str, Any]], *, trials: int = 200, seed: int = 1, draw: int = 0, shared: bool = True,
             **options: Any) -> Array:
    """Trials of a simulated system, e.g. an attractor.

    Attractors are scaled to [0, 1], each trial alone, unless ``normalise=False``.

    Parameters
    ----------
    system : str or mapping
        A task, see :func:`tasks`, or motifs that are put together as in a configuration: ``{"attach": [a, b]}``,
        ``{"combine": [a, b], "mixing": 0.5}``, ``{"reverse": a}``, ``{"noise": a, "sigma": 0.01, "draw": 1}``, where a and b are
        such mappings or ``{"task": "line", ...}``.
    trials : int
    seed, draw : int
        The same numbers are the same trials, those of an attractor study.
    shared : bool
        Trial k of every system begins at the same random point.
    **options
        Of the task.

    Returns
    -------
    array (trial, time, channel)

    Examples
    --------
    >>> simulate("lorenz", r=28, trials=5, steps=100).shape
    (5, 100, 3)
    """
    if not isinstance(system, (str, Mapping)):
        raise ValueError(f"expected the name of a task or a mapping, got {system!r}")
    if not isinstance(system, str) and options:
        raise ValueError(f"{', '.join(options)}: options of a task stand in its mapping")
    asked = {"system": {"task": system, **options} if isinstance(system, str) else dict(system), "trials": trials, "seed": seed,
             "draw": draw, "shared": shared}
    name = system if isinstance(system, str) else "system"
    handle = Handle(library.repal_system_free)
    check(library.repal_simulate(host().pointer, encoded(name, "the name of a task"), as_json(asked), ctypes.byref(handle.pointer)))
    view = Trial()
    all_of_them: List[Array] = []
    for k in range(library.repal_system_trials(handle.pointer)):
        check(library.repal_system_trial(handle.pointer, k, ctypes.byref(view)))
        all_of_them.append(seen(view))
    return numpy.stack(all_of_them)


class Dataset(Mapping[str, Any]):
    """Arrays by their names, as ``docs/neurotasks.md`` describes them.

    Attributes
    ----------
    attributes : dict
        Of the whole: names of channels and actions, the time of a step in ms, what the best guess reaches.
    axes : dict
        From the name of each array to those of its axes.
    """

    def __init__(self, handle: Handle) -> None:
        found = json.loads(text_of(library.repal_dataset_json, handle.pointer))
        self.attributes: Dict[str, str] = found["attributes"]
        self.axes: Dict[str, str] = {name: array["attributes"].get("axes", "") for name, array in found["arrays"].items()}
        self._arrays = {name: _copied(handle, name, array) for name, array in found["arrays"].items()}

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"<Dataset of {self.attributes.get('task')}: {', '.join(f'{name} {array.shape}' for name, array in self.items())}>"


def _copied(handle: Handle, name: str, array: Mapping[str, Any]) -> Array:
    target = numpy.empty(array["shape"], dtype=array["type"])
    values = ctypes.c_void_p()
    check(library.repal_dataset_array(handle.pointer, name.encode(), ctypes.byref(values)))
    if target.size > 0:
        ctypes.memmove(target.ctypes.data, values, target.nbytes)
    return target


def trials(task: str, n: int = 200, *, seed: int = 1, phase: str = "test", split: Optional[str] = None, balanced: bool = True,
           jobs: int = 0, **options: Any) -> Dataset:
    """Trials of a task, for training and testing networks.

    Parameters
    ----------
    task : str
        See :func:`tasks`.
    n : int
        How many.
    seed : int
    phase : {"test", "train"}
        In training, the timing of trials may be drawn.
    split : str, optional
        Another one, e.g. "validation", is drawn anew; by default the phase.
    balanced : bool
        Every condition as often; else each is drawn.
    jobs : int
        Threads; 0: all that this process may use.
    **options
        Of the task.

    Returns
    -------
    Dataset
        Its "observations" are (sequence, time, channel), one trial each, with zeros behind those that are shorter ("sequence_steps"
        has how long each is); "weights" (sequence, time) say what each step counts in the loss, "target_actions" or "target_outputs" what
        is to be done.

    Examples
    --------
    >>> go = trials("go_nogo", 4)
    >>> go["observations"].shape[0], go.axes["observations"]
    (4, 'sequence,time,channel')
    """
    asked: Dict[str, Any] = {"task": options, "trials": n, "seed": seed, "phase": phase, "balanced": balanced, "threads": jobs}
    if split is not None:
        asked["split"] = split
    handle = Handle(library.repal_dataset_free)
    check(library.repal_dataset_create(host().pointer, encoded(task, "the name of a task"), as_json(asked), ctypes.byref(handle.pointer)))
    return Dataset(handle)
