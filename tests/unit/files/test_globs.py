"""Globs against a plain definition of what they match, and their bounds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import SettingError
from linear_regressor.files.globs import Glob, alternatives, folder_of

PATHS = st.lists(st.text("ab.", min_size=1, max_size=5), min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(st.sampled_from(["**"]) | st.lists(st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]"]),
                                                    min_size=1, max_size=5).map(
    lambda tokens: "".join(tokens).replace("**", "*").replace("**", "*")), min_size=1, max_size=4).map("/".join)


def _defined(glob: str) -> str:
    """Translate a glob, token by token, to a regular expression that may backtrack."""
    wild = {"**/": "(?:[^/]+/)*", "**": "(?:[^/]+/)*[^/]+", "*": "[^/]*", "?": "[^/]", "[ab]": "[ab]", "[!a]": "[^a/]"}
    return "".join(wild.get(token, re.escape(token)) for token in re.findall(r"\*\*/|\*\*|\[ab\]|\[!a\]|.", glob))


@given(GLOBS, PATHS)
def test_a_glob_matches_what_its_definition_matches(glob: str, path: str) -> None:
    """For wildcards, character classes and folders, in any order."""
    assert bool(re.fullmatch(_defined(glob), path)) == Glob(glob).matches(path)


@given(GLOBS, PATHS)
def test_folders_of_matching_paths_are_searched(glob: str, path: str) -> None:
    """A folder that a glob cannot lead into is not listed."""
    folders = [path[:place] for place, character in enumerate(path) if character == "/"]

    assert not Glob(glob).matches(path) or all(map(Glob(glob).leads_into, folders))


@pytest.mark.parametrize(("glob", "name", "matches"), [
    ("x[[!]", "x!", True), ("x[[!]", "x[", True), ("x[[!]", "x^", False), ("x[![]", "x[", False),
    ("x[![]", "x!", True), ("[--0]", ".", True), ("[--0]", "1", False), ("[]a]", "]", True), ("[a&&b]", "&", True),
    ("[a||b]", "|", True), ("[a~~b]", "~", True), ("[a\\]", "\\", True)])
def test_a_character_class_has_only_the_special_characters_of_globs(glob: str, name: str, matches: bool) -> None:
    """Elsewhere in a class it is a character, as are those that regular expressions give a meaning."""
    assert matches == Glob(glob).matches(name)


@pytest.mark.parametrize("glob", ["*a" * 60 + "b", "**/" * 60 + "b", "**/*a/" * 60 + "b"])
def test_many_wildcards_do_not_multiply(glob: str) -> None:
    """With backtracking, this test would not end."""
    assert not Glob(glob).matches("/".join(["a" * 200] * 40))


@pytest.mark.parametrize("glob", ["**.csv", "a**/b", "x/a**"])
def test_two_stars_stand_alone(glob: str) -> None:
    """In a name they would look as if they matched slashes."""
    with pytest.raises(SettingError, match=r"\*\* stands alone between slashes, as in \*\*/\*\.csv"):
        Glob(glob).matches("a")


@pytest.mark.parametrize(("text", "expected"), [
    ("{a,b}.csv", ["a.csv", "b.csv"]), ("{a,b}/{c,d}", ["a/c", "a/d", "b/c", "b/d"]),
    ("{a,{b,c}d}", ["a", "bd", "cd"]), ("{a,}b", ["ab", "b"]), ("{a}", ["{a}"]), ("a,b", ["a,b"]), ("{a,b", ["{a,b"]),
], ids=str)
def test_braces_are_expanded(text: str, expected: list[str]) -> None:
    """Also one in another; without a comma they are part of a name."""
    assert sorted(expected) == sorted(alternatives(text))


@pytest.mark.parametrize("text", ["{a,b}" * 1000, "{" * 5000 + "a,b" + "}" * 5000, "{" + "a," * 1000 + "b}" * 2])
def test_braces_are_bounded(text: str) -> None:
    """An error, or few alternatives, before they fill the memory."""
    try:
        found = alternatives(text)
    except SettingError as error:
        assert "stand for more than 1,000 alternatives" in str(error)
    else:
        assert len(found) <= 1000


@pytest.mark.parametrize(("glob", "folder"), [
    ("/a/b", "/a/b"), ("/a/b*/c", "/a"), ("/a/{b,c}/d", "/a"), ("/*", ""), ("bucket/a/?", "bucket/a")])
def test_the_folder_of_a_glob_has_no_wildcard(glob: str, folder: str) -> None:
    """Folders below it may add columns."""
    assert folder == folder_of(glob)
