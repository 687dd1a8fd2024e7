"""What the files at the top of the repository promise each other: metadata, dependencies, lock."""

import json
import re
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIPFILE = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
LOCK: dict[str, dict[str, Any]] = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
CATEGORIES = sorted(LOCK.keys() - {"_meta"})


def metadata() -> ConfigParser:
    """Read setup.cfg."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> list[Requirement]:
    """Parse a block of requirements as configparser returns it, comments already dropped."""
    return [Requirement(line) for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]


def declared() -> dict[str, list[Requirement]]:
    """Map each category of the lock that installs the project to what setup.cfg asks for there."""
    extras = {name: requirements(text) for name, text in metadata()["options.extras_require"].items()}
    runtime = requirements(metadata()["options"]["install_requires"])
    return {"default": runtime, "fast": extras["fast"], "training": extras["training"] + extras["plots"],
            "dask": extras["dask"], "tracing": extras["tracing"]}


def test_the_lock_names_no_index() -> None:
    """Which index is asked is a matter of the machine that installs."""
    assert LOCK["_meta"]["sources"] == []
    assert "://" not in (ROOT / "Pipfile.lock").read_text(encoding="utf-8")
    assert "source" not in PIPFILE


def test_every_locked_distribution_has_hashes() -> None:
    """Only the project itself, which is installed by path, has none."""
    without = {name for category in CATEGORIES for name, entry in LOCK[category].items() if not entry.get("hashes")}

    assert without == {"linear-regressor"}


def test_all_categories_agree_on_versions() -> None:
    """Categories are installed together, so no distribution may have two versions."""
    versions: dict[str, set[str]] = {}
    for category in sorted(set(CATEGORIES) - {"audit"}):
        for name, entry in LOCK[category].items():
            versions.setdefault(name, set()).add(entry.get("version", ""))

    assert {} == {name: found for name, found in versions.items() if len(found) > 1}


@pytest.mark.parametrize("category", declared())
def test_the_lock_satisfies_what_setup_cfg_asks_for(category: str) -> None:
    """A new dependency or bound in setup.cfg needs `make lock`."""
    for requirement in declared()[category]:
        locked = LOCK[category][canonicalize_name(requirement.name)]["version"].removeprefix("==")

        assert requirement.specifier.contains(locked), requirement


def test_no_dependency_is_listed_twice() -> None:
    """The package's own dependencies stand in setup.cfg alone, tools in the Pipfile alone."""
    own = [canonicalize_name(requirement.name) for listed in declared().values() for requirement in listed]
    tools = [canonicalize_name(name) for category in PIPFILE.values() for name in category]
    tools = [name for name in tools if name != "linear-regressor"]

    assert len(own) == len(set(own))
    assert len(tools) == len(set(tools))
    assert set() == set(own) & set(tools)


def test_every_dependency_of_the_package_says_why() -> None:
    """Each requirement in setup.cfg stands below a comment."""
    lines = (ROOT / "setup.cfg").read_text(encoding="utf-8").split("\n")
    names = {str(requirement) for listed in declared().values() for requirement in listed}
    unexplained = [line for above, line in zip(lines, lines[1:])
                   if line.strip() in names and not above.strip().startswith("#")]

    assert unexplained == []


def test_the_server_is_locked_without_training_libraries() -> None:
    """What [packages] and [fast] lock is what the image carries."""
    carried = LOCK["default"].keys() | LOCK["fast"].keys()

    assert set() == carried & {"scikit-learn", "scipy", "joblib", "pyarrow", "matplotlib", "pytest", "mypy"}


def test_python_versions_are_the_same_everywhere() -> None:
    """Classifiers, the CI matrix and the type checker's target name the same range."""
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: \[(.*)\]", workflow)
    classified = re.findall(r"Python :: (3\.\d+)", metadata()["metadata"]["classifiers"])

    assert matrix is not None
    assert classified == re.findall(r"3\.\d+", matrix[1])
    assert f">={classified[0]}" == metadata()["options"]["python_requires"]
    assert classified[0] == metadata()["mypy"]["python_version"]


def test_versions_are_the_same_everywhere() -> None:
    """The changelog has a section for the version of the package, or says that it is yet to come."""
    version = metadata()["metadata"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"## [{version}]" in changelog or "## [Unreleased]" in changelog
