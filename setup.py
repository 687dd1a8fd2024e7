"""Adds the commit of the code to a built package; every other fact about the package stands in ``setup.cfg``."""

import os
import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# by its path: the package's own dependencies are not installed yet
CODE = runpy.run_path(str(ROOT / "linear_regressor" / "artefact" / "code_commit.py"))


class BuildWithCommit(build_py):
    """Writes the commit into the package: ``CODE_COMMIT`` of the environment, else that of the repository here."""

    def run(self) -> None:
        """Build, and add the file; an editable installation runs from the repository and needs none."""
        super().run()
        given = os.environ.get("CODE_COMMIT", "")
        if given and not CODE["COMMIT"].fullmatch(given):
            raise SystemExit(f"CODE_COMMIT must be the 40 or 64 hexadecimal digits of a commit, not {given!r}")
        commit = given or CODE["commit_of"](ROOT)
        if commit and not self.editable_mode:
            Path(self.build_lib, "linear_regressor", CODE["BUILT"]).write_text(f"{commit}\n", encoding="utf-8")


setup(cmdclass={"build_py": BuildWithCommit})
