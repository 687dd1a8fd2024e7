"""``Reading``: how the text of files is read."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from linear_regressor.errors import SettingError

# Text that stands for a missing value, in every column and for every command: the list of pandas.
MISSING_VALUES = ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
                  "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null")
# Delimiters that have a name.
NAMED_DELIMITERS = {"tab": "\t", "blanks": " \t"}
# Codecs of Python that are not those of files: two for the names of hosts, and one that always fails.
NOT_OF_FILES = ("idna", "punycode", "undefined")


@dataclass(frozen=True)
class Reading:
    """How files are read, beyond what they say themselves."""

    # name of the format, such as "csv"; None for the one that the ending of a file's name says
    input_format: str | None = None
    # what separates the values of a line: a character, "tab" or "blanks"; None for what the header has
    delimiter: str | None = None
    # what separates the decimals of a number: "." or ","
    decimal: str = "."
    # what separates the thousands of a number; None for nothing
    thousands: str | None = None
    # name of a Python codec
    encoding: str = "utf-8"
    # what surrounds a value that has delimiters; "" for nothing
    quote: str = '"'
    # text that stands for a missing value
    missing_values: tuple[str, ...] = MISSING_VALUES
    # whether values of the data are left out of messages
    hide_values: bool = False

    def __post_init__(self) -> None:
        """Check the options alone and against each other."""
        if self.delimiter is not None and self.delimiter not in NAMED_DELIMITERS and not _separates(self.delimiter):
            raise SettingError("--delimiter must be one ASCII character other than a letter, a digit or a line break, "
                               f"'tab' or 'blanks', not {self.delimiter!r}")
        if self.quote and not _separates(self.quote):
            raise SettingError("--quote must be one ASCII character other than a letter, a digit or a line break, or "
                               f"empty, not {self.quote!r}")
        if self.decimal not in (".", ","):
            raise SettingError(f"--decimal must be '.' or ',', not {self.decimal!r}")
        if self.thousands is not None and not re.fullmatch(r"[^0-9A-Za-z+\r\n-]", self.thousands):
            raise SettingError("--thousands must be one character other than a letter, a digit, a sign or a line "
                               f"break, not {self.thousands!r}")
        self._require_different()
        _require_text_codec(self.encoding)

    @property
    def separators(self) -> str | None:
        """The characters of the delimiter: several for blanks; None for what the header has."""
        return None if self.delimiter is None else NAMED_DELIMITERS.get(self.delimiter, self.delimiter)

    @property
    def is_utf8(self) -> bool:
        """Whether the encoding is UTF-8, with or without a byte order mark."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    def _require_different(self) -> None:
        """Reject two options that are the same character."""
        characters = {"--quote": self.quote or None, "--decimal": self.decimal, "--thousands": self.thousands}
        for name, character in characters.items():
            if character is not None and self.separators is not None and character in self.separators:
                raise SettingError(f"{name} and --delimiter must be different characters; without --delimiter the "
                                   "header decides, and numbers may have the delimiter in quotes")
        names = [name for name, character in characters.items() if character is not None]
        for place, name in enumerate(names):
            for other in names[:place]:
                if characters[name] == characters[other]:
                    raise SettingError(f"{other} and {name} must be different characters, not both "
                                       f"{characters[name]!r}")


def _separates(text: str) -> bool:
    """Whether a text is one character that can separate or surround values."""
    return len(text) == 1 and text.isascii() and not text.isalnum() and text not in "\r\n\0"


def _require_text_codec(name: str) -> None:
    """Reject an encoding that Python does not have, and one that is not for text."""
    try:
        "".encode(name)  # unlike codecs.lookup, this rejects base64 and the like
        known = codecs.lookup(name).name not in NOT_OF_FILES
    except (LookupError, ValueError):
        known = False
    if not known:
        raise SettingError(f"--encoding must be an encoding of text that Python knows, such as cp1252, latin-1 or "
                           f"utf-16, not {name!r}")
