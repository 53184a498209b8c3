"""Tables, and those that a study has written."""

import csv
import json
import pathlib
from typing import Any, Dict, List, Mapping, Sequence

import numpy

Table = Any  # pandas.DataFrame, or a structured array


def _column(values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
    """Whole numbers, numbers with nan for what is missing, or texts."""
    if all(isinstance(value, (int, numpy.integer)) and not isinstance(value, bool) for value in values) and len(values) > 0:
        return numpy.array(values, dtype=numpy.int64)
    if all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values):
        return numpy.array([numpy.nan if value is None else value for value in values], dtype=numpy.float64)
    texts = ["" if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
    return numpy.array(texts, dtype=str) if texts else numpy.array([], dtype="U1")


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A row for each, of pandas where that is installed, else as a structured array."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        import pandas
    except ImportError:
        columns = [_column([row.get(name) for row in rows]) for name in names]
        table = numpy.empty(len(rows), dtype=[(name, column.dtype) for name, column in zip(names, columns)])
        for name, column in zip(names, columns):
            table[name] = column
        return table
    return pandas.DataFrame([{name: row.get(name) for name in names} for row in rows], columns=names)


def _value(text: str) -> Any:
    if text == "":
        return None
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def _read(file: pathlib.Path) -> Table:
    try:
        import pandas
    except ImportError:
        with open(file, newline="", encoding="utf-8") as lines:
            return table_of([{name: _value(text) for name, text in row.items()} for row in csv.DictReader(lines)])
    return pandas.read_csv(file, keep_default_na=False, na_values=[""], float_precision="round_trip")


def read_results(folder: Any) -> "Dict[str, Table]":
    """The tables that a study has written.

    Parameters
    ----------
    folder : str or path
        Of a study, e.g. "results/recordings".

    Returns
    -------
    dict
        From the name of each file, without ".csv", to a table: of pandas where that is installed, else a structured array.
        ``docs/results.md`` says what is in them.
    """
    path = pathlib.Path(folder)
    files = sorted(path.glob("*.csv"))
    if not files:
        inside: List[str] = sorted(str(found.parent) for found in path.glob("*/*.csv"))
        raise ValueError(f"{folder}: there are no tables" + (f"; there are some in {inside[0]}" if inside else ""))
    return {file.stem: _read(file) for file in files}
