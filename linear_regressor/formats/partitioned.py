"""``Partitioned``: a file in a folder such as ``day=1``, which adds a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from linear_regressor.errors import DataError
from linear_regressor.formats.file_format import Batches, Format, Types
from linear_regressor.formats.text_values import is_missing, to_numbers
from linear_regressor.formats.value_types import plain

MOST_SHOWN = 40  # characters


@dataclass(frozen=True)
class Partitioned(Format):
    """A file with the columns that its folders add: text, or numbers where these are asked for.

    If the file has such a column, too, its own values are read, and each must equal the value of the folder.
    """

    form: Format

    def __post_init__(self) -> None:
        """Copy the properties of the file's own format."""
        for name in ("text", "lines", "typed", "exact_type", "tells_empty_text"):
            object.__setattr__(self, name, getattr(self.form, name))

    @cached_property
    def _values(self) -> dict[str, str | None]:
        """Values of the columns that folders add, by name."""
        return dict(self.file.folder_columns)

    def schema(self) -> pa.Schema:
        """Read the schema of the file, and add the columns; see ``Format``."""
        schema = self.form.schema()
        for name in self._values:
            if name not in schema.names:
                schema = schema.append(pa.field(name, pa.string()))
        return schema

    def names(self, wanted: Iterable[str] = ()) -> list[str]:
        """Read the names of the columns of the file, and add those of its folders."""
        return self._with_added(self.form.names(set(wanted) - self._values.keys()))

    def all_names(self) -> list[str]:
        """Read the names of all columns; see ``Format``."""
        return self._with_added(self.form.all_names())

    def hint(self, required: Sequence[str], names: Sequence[str]) -> str:
        """Say what to do about columns that the file lacks; see ``Format``."""
        return self.form.hint(required, names)

    def _with_added(self, names: list[str]) -> list[str]:
        """Add the names of the columns that the file does not have."""
        return [*names, *(name for name in self._values if name not in names)]

    def parts(self) -> list[int]:
        """Count the rows of the parts of the file; see ``Format``."""
        return self.form.parts()

    def read_as(self, types: Types) -> Types:
        """Return the types that ``batches`` gives the columns."""
        own = self.form.names()
        return {**{name: self._type(types.get(name)) for name in self._values},
                **self.form.read_as({name: kind for name, kind in types.items() if name in own or
                                     name not in self._values})}

    def batches(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read the file, which is read ahead, and add the columns; see ``Format``."""
        return self._read(columns, types, chosen)

    def require_closed(self) -> None:
        """Reject an unclosed quote; see ``Format``."""
        self.form.require_closed()

    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read the columns of the file, one at least for the number of rows, and add those of its folders."""
        own = self.form.names()
        added = {name: self._scalar(name, types.get(name))
                 for name in columns if name in self._values and name not in own}
        read = [name for name in columns if name not in added] or own[:1]
        for batch in self.form.batches(read, {name: kind for name, kind in types.items() if name in read}, chosen):
            for name in self._values:
                if name in read:
                    self._require_agreement(name, batch.column(name))
            yield pa.record_batch([pa.repeat(added[name], batch.num_rows) if name in added else batch.column(name)
                                   for name in columns], names=list(columns))

    def _type(self, wanted: pa.DataType | None) -> pa.DataType:
        """Return the type of a column of a folder, which is text unless numbers are asked for."""
        return pa.float64() if wanted == pa.float64() else pa.string()

    def _scalar(self, name: str, wanted: pa.DataType | None) -> pa.Scalar:
        """Return the value of a column of a folder in its type."""
        text = pa.array([self._values[name]], pa.string())
        return (to_numbers(text, self.file.reading) if self._type(wanted) == pa.float64() else text)[0]

    def _require_agreement(self, name: str, column: pa.Array) -> None:
        """Reject values of a column of the file that are not the one of its folder."""
        import pyarrow.compute as pc

        texts = pc.unique(plain(column)).cast(pa.string())
        missing = is_missing(texts, self.file.reading).to_pylist()
        for text, is_null in zip(texts.to_pylist(), missing, strict=True):
            if not self._agrees(None if is_null else text, self._values[name]):
                value = "" if self.file.reading.hide_values else f" {str(text)[:MOST_SHOWN]!r}"
                raise DataError(f"{self.file.name}: column {name!r} has a value{value} that is not the one of its "
                                "folder: move the rows to the right folder, or rename the folder so that it has no '='")

    def _agrees(self, value: str | None, folder: str | None) -> bool:
        """Whether a value of the file is that of the folder: the same text, or the same number."""
        if value is None or folder is None:
            return value == folder or value is None and is_missing(
                pa.array([folder], pa.string()), self.file.reading)[0].as_py() is True
        if value.strip().lower() == folder.strip().lower():
            return True
        try:
            return bool(float(value) == float(folder))
        except ValueError:
            return False
