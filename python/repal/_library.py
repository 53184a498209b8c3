"""librepal_c.so, as include/repal.h describes it."""

import atexit
import contextlib
import ctypes
import json
import math
import operator
import os
import pathlib
import re
import threading
import warnings
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

DOUBLE, FLOAT = 0, 1
OK, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 4


class Trial(ctypes.Structure):
    _fields_ = [("values", ctypes.c_void_p), ("type", ctypes.c_int), ("steps", ctypes.c_int64), ("channels", ctypes.c_int64),
                ("step_stride", ctypes.c_int64), ("channel_stride", ctypes.c_int64)]


Progress = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t)
Warn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
# Texts that a function is to fill in are addresses: ctypes would hand it a copy.
Prepare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Trial), ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p),
                           ctypes.c_void_p, ctypes.c_size_t)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_double),
                           ctypes.c_void_p, ctypes.c_size_t)
Free = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class Calls(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int), ("user", ctypes.c_void_p), ("progress", Progress), ("warn", Warn)]


class OwnMetric(ctypes.Structure):
    _fields_ = [("user", ctypes.c_void_p), ("prepare", Prepare), ("compare", Compare), ("free", Free)]


def _file() -> str:
    """What REPAL_LIBRARY names, or that of the wheel, the unpacked archive or the installation that this file is in."""
    if named := os.environ.get("REPAL_LIBRARY"):
        return named
    package = pathlib.Path(__file__).resolve().parent
    folders = [package / "engine" / "lib", package.parents[1] / "lib", package.parents[2]]
    for folder in folders:
        if (folder / "librepal_c.so.0").exists():
            return str(folder / "librepal_c.so.0")
    raise ImportError(f"the engine of repal, librepal_c.so.0, is in none of {', '.join(map(str, folders))}; REPAL_LIBRARY may name it")


def _require_processor() -> None:
    """Else the first number would end Python."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return
    flags = next((line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith("flags")), None)
    lacking = [flag for flag in ("avx2", "bmi2", "fma") if flags is not None and flag not in flags]
    if lacking:
        raise ImportError(f"repal needs a processor with {', '.join(lacking)} (x86-64-v3, from 2013 on)")


def _load() -> ctypes.CDLL:
    _require_processor()
    try:
        library = ctypes.CDLL(_file())
    except OSError as error:
        hint = "; another package has loaded an older libstdc++: import repal first, or install its wheel" if "GLIBCXX" in str(error) else ""
        raise ImportError(f"{error}{hint}") from None
    text, handle, code, size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
    handles, trials = ctypes.POINTER(handle), ctypes.POINTER(Trial)
    signatures: Dict[str, Tuple[Any, List[Any]]] = {
        "repal_version": (text, []),
        "repal_error": (text, []),
        "repal_free": (None, [handle]),
        "repal_host_open": (code, [text, handles]),
        "repal_host_close": (None, [handle]),
        "repal_host_add_metric": (code, [handle, text, ctypes.POINTER(OwnMetric)]),
        "repal_plugins": (code, [handle, handles]),
        "repal_system_create": (code, [text, trials, size, handles]),
        "repal_system_set_dt": (code, [handle, ctypes.c_double]),
        "repal_system_set_inputs": (code, [handle, trials, size]),
        "repal_system_set_conditions": (code, [handle, ctypes.POINTER(ctypes.c_int64), size]),
        "repal_system_trials": (size, [handle]),
        "repal_system_trial": (code, [handle, size, trials]),
        "repal_system_free": (None, [handle]),
        "repal_simulate": (code, [handle, text, text, handles]),
        "repal_dataset_create": (code, [handle, text, text, handles]),
        "repal_dataset_json": (code, [handle, handles]),
        "repal_dataset_array": (code, [handle, text, handles]),
        "repal_dataset_free": (None, [handle]),
        "repal_compare": (code, [handle, handles, size, text, ctypes.POINTER(Calls), handles]),
        "repal_comparison_json": (code, [handle, handles]),
        "repal_comparison_csv": (code, [handle, handles]),
        "repal_comparison_page": (code, [handle, handles]),
        "repal_comparison_free": (None, [handle]),
        "repal_tune": (code, [handle, handles, size, text, ctypes.POINTER(Calls), handles]),
        "repal_metric_create": (code, [handle, text, text, handles]),
        "repal_metric_prepare": (code, [handle, handle, handles]),
        "repal_metric_compare": (code, [handle, handle, handle, handles]),
        "repal_embedding_free": (None, [handle]),
        "repal_metric_free": (None, [handle]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _load()


def version() -> str:
    """That of the engine, e.g. "0.1.0"."""
    return str(library.repal_version().decode())


def _in_python(text: str) -> str:
    """Advice for a command line, as it is followed here."""
    text = re.sub(r" \(in config\.yaml [^)]*\)", "", text)
    text = re.sub(r"--set pca\.(\w+)\.(\w+)=(\w+)", r'pca={"\1": {"\2": \3}}', text)
    text = re.sub(r"--set (\w+)\.(\w+)=([0-9.]+|auto)\b", r"\2=\3", text)
    text = re.sub(r"--set (\w+)\.(\w+)=(\w+)", r'\2="\3"', text)
    text = re.sub(r"--calibrate\b", "calibrate=True", text)
    text = re.sub(r"`?\brepal tune\b`?", "repal.tune()", text)
    return re.sub(r"--(inputs|conditions|dt)\b", r"\1", text)


def check(code: int) -> None:
    """Raises what a call of this thread has said: ValueError for what was given, else RuntimeError."""
    if code == OK:
        return
    text = _in_python(library.repal_error().decode(errors="replace"))
    raise ValueError(text) if code == BAD_INPUT else RuntimeError(text)


def taken(text: ctypes.c_void_p) -> str:
    """A text that a function gave."""
    try:
        return ctypes.string_at(text).decode()
    finally:
        library.repal_free(text)


def text_of(function: Any, *arguments: Any) -> str:
    """The text that a function gives."""
    text = ctypes.c_void_p()
    check(function(*arguments, ctypes.byref(text)))
    return taken(text)


def encoded(text: str, what: str) -> bytes:
    """For the library, which reads up to a NUL."""
    if not isinstance(text, str):
        raise ValueError(f"{what}: expected a text, got {text!r}")
    try:
        code = text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what}: {text!r} is no text") from None
    if b"\0" in code:
        raise ValueError(f"{what}: {text!r} has a NUL in it")
    return code


def _plain(value: Any, path: str) -> Any:
    """What JSON has of an option. Whole numbers are whole, whatever their type; None is not given."""
    if isinstance(value, Mapping):
        return {str(key): _plain(below, f"{path}.{key}" if path else str(key)) for key, below in value.items() if below is not None}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple, range)):
        return [_plain(one, path) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path}: expected a finite number, got {value}")
        return int(value) if value.is_integer() else value
    if isinstance(value, (bool, int, str)):
        return value
    raise ValueError(f"{path}: an option cannot be {value!r}")


def as_json(options: Mapping[str, Any]) -> bytes:
    """Options for the library."""
    return encoded(json.dumps(_plain(options, ""), ensure_ascii=False), "options")


class Handle:
    """What the library made, until nobody needs it any more."""

    def __init__(self, free: Any) -> None:
        self._pointer = ctypes.c_void_p()
        self._free = free

    @property
    def pointer(self) -> ctypes.c_void_p:
        return self._pointer

    def __del__(self) -> None:
        pointer = getattr(self, "_pointer", None)
        if not pointer:
            return
        with contextlib.suppress(SystemExit), running.one():
            self._free(pointer)  # which may call a function of ours

    def __copy__(self) -> "Handle":
        return self  # nothing of it changes

    def __deepcopy__(self, _memo: Any) -> "Handle":
        return self

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} is in the memory of this process and cannot be pickled: hand over the arrays")


class Host(Handle):
    def __init__(self, folders: "List[str]", metrics: "List[Tuple[bytes, OwnMetric]]") -> None:
        super().__init__(library.repal_host_close)
        self.metrics = metrics  # whose functions it calls
        check(library.repal_host_open(":".join(folders).encode(), ctypes.byref(self.pointer)))
        for description, own in metrics:
            check(library.repal_host_add_metric(self.pointer, description, ctypes.byref(own)))


class _Plugins:
    """Those that are used from now on. What was made by an earlier host keeps it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.folders: List[str] = []
        self.metrics: Dict[str, Tuple[bytes, OwnMetric]] = {}
        self.host: Optional[Host] = None


_plugins = _Plugins()


def host() -> Host:
    with _plugins.lock:
        if _plugins.host is None:
            _plugins.host = Host(_plugins.folders, list(_plugins.metrics.values()))
        return _plugins.host


def load_plugins(folder: Any) -> None:
    """Loads the metrics and tasks of a folder of plugins, for all that follows.

    Parameters
    ----------
    folder : str or path
        With plugins that were built for this version; they run in this process.
    """
    path = pathlib.Path(folder).resolve()
    if not path.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    if ":" in str(path):
        raise ValueError(f"{folder}: a folder of plugins has no ':' in its name")
    with _plugins.lock:
        folders = [*_plugins.folders, str(path)]
        _plugins.host = Host(folders, list(_plugins.metrics.values()))
        _plugins.folders = folders
        refused = json.loads(text_of(library.repal_plugins, _plugins.host.pointer))["refused"]
    for one in refused:
        if pathlib.Path(one["file"]).parent == path:
            warnings.warn(f"{one['file']}: {one['cause']}", stacklevel=2)


def add_metric(name: str, description: bytes, own: OwnMetric) -> None:
    """Of the caller's own; one of the same name that was added before is replaced."""
    with _plugins.lock:
        metrics = {**_plugins.metrics, name: (description, own)}
        _plugins.host = Host(_plugins.folders, list(metrics.values()))
        _plugins.metrics = metrics


def _described(kind: str) -> "Dict[str, Dict[str, Any]]":
    found = json.loads(text_of(library.repal_plugins, host().pointer))["plugins"]
    return {entry["name"]: entry for entry in found if entry["kind"] == kind}


def metrics() -> "Dict[str, Dict[str, Any]]":
    """All metrics: what they measure, their options, units, sources.

    Returns
    -------
    dict
        From the name of each to a dict: summary, source, family; options, each with name, type, default, unit, summary and
        choices; values and curves that it gives beside the angle; corresponding, what of two systems corresponds one to one;
        invariances, triangle_inequality, version, and the file of its plugin.

    Examples
    --------
    >>> [option["name"] for option in metrics()["procrustes"]["options"]]
    ['alpha', 'whitening', 'scaled']
    """
    return _described("metric")


def tasks() -> "Dict[str, Dict[str, Any]]":
    """All tasks, which :func:`simulate` and :func:`trials` take: their options, units, sources.

    Returns
    -------
    dict
        From the name of each to a dict: summary, source; options, as of :func:`metrics`; channels, the names of what is seen of
        it; version and file.

    Examples
    --------
    >>> "lorenz" in tasks()
    True
    """
    return _described("task")


def _bar(is_shown: Optional[bool]) -> Any:
    """Of tqdm, or nothing where that is not installed or nobody looks."""
    try:
        import sys

        import tqdm.auto
    except ImportError:
        if is_shown:
            raise ImportError("progress=True needs tqdm: pip install tqdm") from None
        return None
    if is_shown or (is_shown is None and sys.stderr is not None and sys.stderr.isatty()):
        return tqdm.auto.tqdm
    return None


class _Running:
    """Calls that go on. When Python ends it ends their threads, through frames of C++ where these have called functions of ours; so
    calls are waited for, and none begins any more."""

    def __init__(self) -> None:
        self.is_ending = False
        self.all: Set[threading.Event] = set()
        atexit.register(self.end)
        os.register_at_fork(after_in_child=self.all.clear)  # whose threads are not there

    def end(self) -> None:
        self.is_ending = True
        for one in list(self.all):
            one.wait(60)

    def begin(self) -> threading.Event:
        """What is set when the call ends."""
        ended = threading.Event()
        self.all.add(ended)
        try:
            self.leave_at_end()
        except SystemExit:
            self.all.discard(ended)
            raise
        return ended

    @contextlib.contextmanager
    def one(self) -> "Iterator[None]":
        """A call of this thread."""
        ended = self.begin()
        try:
            yield
        finally:
            self.all.discard(ended)
            ended.set()
            self.leave_at_end()

    def leave_at_end(self) -> None:
        """Ends this thread without a word, if Python is ending and would end it."""
        if self.is_ending and threading.current_thread() is not threading.main_thread():
            raise SystemExit


running = _Running()


def call(function: Callable[[Any], Any], jobs: int, progress: Optional[bool]) -> List[str]:
    """Calls a function of the library that takes repal_calls. Ctrl-C stops it; its warnings are Python's, and what it gives."""
    try:
        threads = operator.index(jobs)
    except TypeError:
        threads = -1
    if not 0 <= threads <= 4096:
        raise ValueError(f"jobs is {jobs!r}: expected the number of threads, or 0 for all")
    said: List[str] = []
    failed: List[BaseException] = []
    bars: Dict[str, Any] = {}
    make_bar = _bar(progress)
    ended = running.begin()

    def on_progress(_user: Any, stage: bytes, done: int, total: int) -> int:
        if make_bar is not None and not failed:
            try:
                name = stage.decode(errors="replace")
                if name not in bars:
                    bars[name] = make_bar(total=total, desc=name, leave=False)
                bars[name].update(done - bars[name].n)
            except BaseException as error:
                failed.append(error)
        return 1 if failed or running.is_ending else 0

    def on_warning(_user: Any, of: bytes, text: bytes) -> None:
        said.append(_in_python(f"{of.decode(errors='replace')}: {text.decode(errors='replace')}"))

    calls = Calls(threads, None, Progress(on_progress), Warn(on_warning))

    def work() -> None:
        try:
            code = function(ctypes.byref(calls))
            if not failed:
                check(code)  # the text is that of this thread
        except BaseException as error:
            failed.append(error)
        running.all.discard(ended)
        ended.set()

    # Elsewhere, so that Ctrl-C comes here meanwhile. Thread.join() takes a thread that it was interrupted at for ended.
    try:
        threading.Thread(target=work, name="repal").start()
    except RuntimeError:  # there can be no more threads
        running.all.discard(ended)
        raise
    while not ended.is_set():
        try:
            ended.wait(1)
        except BaseException as stop:
            failed.append(stop)
    for bar in bars.values():
        bar.close()
    running.leave_at_end()
    if failed:
        raise failed[0]
    for text in said:
        warnings.warn(text, stacklevel=3)
    return said
