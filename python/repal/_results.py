"""Tables, and those that a study has written."""

import csv
import io
import json
import pathlib
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

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


def table_of(rows: Sequence[Mapping[str, Any]], names: Optional[List[str]] = None) -> Table:
    """A row for each, of pandas where that is installed, else as a structured array."""
    names = names or list(dict.fromkeys(name for row in rows for name in row))
    try:
        import pandas
    except ImportError:
        columns = [_column([row.get(name) for row in rows]) for name in names]
        table = numpy.empty(len(rows), dtype=[(name, column.dtype) for name, column in zip(names, columns)])
        for name, column in zip(names, columns):
            table[name] = column
        return table
    return pandas.DataFrame([{name: row.get(name) for name in names} for row in rows], columns=names)


_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
#: As repal writes them: "1.10" is a name.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?(e[+-][0-9]{2,3})?")
#: Columns of every table that are names, whatever these look like.
_NAMES = {"a", "b", "system", "name", "metric", "status", "note", "cause"}


def _values(texts: List[str], are_names: bool) -> List[Any]:
    """Of a column: numbers if all that is there are some, as repal writes them, else texts."""
    there = [text for text in texts if text != ""]
    if are_names:
        return list(texts)
    for pattern, number in ((_WHOLE, int), (_NUMBER, float)):
        if there and all(pattern.fullmatch(text) for text in there):
            values: List[Any] = [None if text == "" else number(text) for text in texts]
            return values
    return list(texts) if there else [None for _ in texts]


def table_in(text: str, names: Sequence[str] = ()) -> Table:
    """A table of CSV, as repal writes it; of `names`, and what they are in every table, the columns are texts."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # a note may be of any length
    head, *rows = list(csv.reader(io.StringIO(text, newline="")))
    columns = [_values([row[c] for row in rows], name in _NAMES or name in names) for c, name in enumerate(head)]
    return table_of([dict(zip(head, row)) for row in zip(*columns)], head)


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
    return {file.stem: table_in(file.read_bytes().decode()) for file in files}
