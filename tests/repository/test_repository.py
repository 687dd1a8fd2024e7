"""setup.cfg, Pipfile, Pipfile.lock and CHANGELOG.md agree with each other."""

import importlib.metadata
import json
import re
import tomllib
from configparser import ConfigParser
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import linear_regressor
from tests import ROOT

PIPFILE = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
LOCK: dict[str, dict[str, Any]] = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
CATEGORIES = sorted(LOCK.keys() - {"_meta"})


def metadata() -> ConfigParser:
    """Read setup.cfg."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> list[Requirement]:
    """Parse a block of requirements."""
    return [Requirement(line) for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]


def declared() -> dict[str, list[Requirement]]:
    """Map each category of the lock to the requirements that setup.cfg declares for it."""
    extras = {name: requirements(text) for name, text in metadata()["options.extras_require"].items()}
    runtime = requirements(metadata()["options"]["install_requires"])
    return {"default": runtime, "fast": extras["fast"], "training": extras["training"] + extras["plots"],
            "dask": extras["dask"], "tracing": extras["tracing"],
            "store": extras["store"] + extras["buckets"], "postgresql": extras["postgresql"],
            "tracking": extras["tracking"]}


def test_the_lock_names_no_index() -> None:
    """pip's configuration selects the index."""
    assert LOCK["_meta"]["sources"] == []
    assert "://" not in (ROOT / "Pipfile.lock").read_text(encoding="utf-8")
    assert "source" not in PIPFILE


def test_all_locked_distributions_except_the_project_have_hashes() -> None:
    """The project itself is installed by path."""
    without = {name for category in CATEGORIES for name, entry in LOCK[category].items() if not entry.get("hashes")}

    assert without == {"linear-regressor"}


def test_a_distribution_has_one_version_in_all_categories() -> None:
    """Categories are installed together; only audit has its own environment."""
    versions: dict[str, set[str]] = {}
    for category in sorted(set(CATEGORIES) - {"audit"}):
        for name, entry in LOCK[category].items():
            versions.setdefault(name, set()).add(entry.get("version", ""))

    assert {"numpy", "pytest"} <= versions.keys()
    assert {} == {name: locked for name, locked in versions.items() if len(locked) > 1}


@pytest.mark.parametrize("category", declared())
def test_the_lock_satisfies_the_requirements_of_setup_cfg(category: str) -> None:
    """After a change of setup.cfg, run `make lock`."""
    assert declared()[category]
    for requirement in declared()[category]:
        locked = LOCK[category][canonicalize_name(requirement.name)]["version"].removeprefix("==")

        assert requirement.specifier.contains(locked), requirement


def test_no_dependency_is_listed_twice() -> None:
    """Dependencies of the package are in setup.cfg only, tools in Pipfile only; extras may share a dependency."""
    own = [[canonicalize_name(requirement.name) for requirement in listed] for listed in declared().values()]
    tools = [[canonicalize_name(name) for name in category] for category in PIPFILE.values()]

    assert own and tools
    assert all(len(names) == len(set(names)) for names in own + tools)
    assert {name for names in own for name in names}.isdisjoint(
        {name for names in tools for name in names} - {"linear-regressor"})


def test_every_dependency_of_the_package_has_a_reason() -> None:
    """Each requirement in setup.cfg follows a comment."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    requirements = {requirement.name for listed in declared().values() for requirement in listed}
    explained = set(re.findall(r"^ +#.*\n +([\w-]+)", text, re.MULTILINE))

    assert set() == requirements - explained


def test_the_server_is_locked_without_training_libraries() -> None:
    """The server image installs [packages] and [fast]."""
    installed = LOCK["default"].keys() | LOCK["fast"].keys()

    assert {"numpy", "flask", "gunicorn", "pysimdjson"} <= installed
    assert set() == installed & {"scikit-learn", "scipy", "joblib", "pyarrow", "matplotlib", "pytest", "mypy"}


def test_python_versions_are_the_same_everywhere() -> None:
    """In the classifiers, the CI matrix and the settings of mypy."""
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: \[(.*)\]", workflow)
    classified = re.findall(r"Python :: (3\.\d+)", metadata()["metadata"]["classifiers"])

    assert matrix is not None
    assert classified == re.findall(r"3\.\d+", matrix[1])
    assert f">={classified[0]}" == metadata()["options"]["python_requires"]
    assert classified[0] == metadata()["mypy"]["python_version"]


def test_versions_are_the_same_everywhere() -> None:
    """In setup.cfg, the installed package, the OpenAPI description and the latest release in the changelog."""
    version = metadata()["metadata"]["version"]
    description = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    sections = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    releases = [section for section in sections if section != "Unreleased"]

    assert version == importlib.metadata.version("linear-regressor")
    assert version == description["info"]["version"]
    assert sections
    assert version == releases[0] if releases else sections == ["Unreleased"]


def test_exported_names_are_documented_in_full() -> None:
    """numpydoc checks each of them and no private name."""
    excluded = metadata()["tool:numpydoc_validation"]["exclude"].split(",")
    exported = [getattr(linear_regressor, name) for name in linear_regressor.__all__]
    names = [f"{value.__module__.rsplit('.')[-1]}.{value.__name__}" for value in exported]

    assert names
    assert [] == [name for name in names for pattern in excluded if re.search(pattern, name)]
    for name in ("moments.Moments._f", "moments.RowSummary"):
        assert any(re.search(pattern, name) for pattern in excluded)
