"""Settings of Sphinx; every warning is an error (``make docs``)."""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

SOURCE = Path(__file__).resolve().parent
ROOT = Path(os.environ["PROJECT"])
# Where links to files of the repository lead; without it they are plain text.
REPOSITORY = os.environ.get("REPOSITORY_URL", "").rstrip("/")

metadata = configparser.ConfigParser()
metadata.read(ROOT / "setup.cfg", encoding="utf-8")
project = "linear_regressor"
copyright = "The linear_regressor authors"
release = metadata["metadata"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
html_theme = "furo"
html_title = f"linear_regressor {release}"
html_static_path = ["static"]
html_js_files = [path.name for path in sorted((SOURCE / "static").glob("*.js"))]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
# options begin with two dashes
smartquotes = False
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
templates_path: list[str] = []
exclude_patterns = ["static"]
# code blocks in languages without colours, and file names that MyST would take for pages
suppress_warnings = ["misc.highlighting_failure"]
autodoc_typehints = "description"
napoleon_google_docstring = False

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


class Mermaid(Directive):
    """A diagram, which the browser draws; without the library it is text."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return an element that the library looks for."""
        text = nodes.literal_block("\n".join(self.content), "\n".join(self.content), classes=["mermaid"])
        text["language"] = "none"
        return [text]


def link_to_repository(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn links to files that are not part of the site into links to the repository, or into their text."""
    folder = (SOURCE / docname).parent

    def replaced(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve()
        if target.suffix in {".md", ".png", ".svg"} and target.is_file():
            return match[0]
        path = target.relative_to(SOURCE).as_posix()
        if not (ROOT / path).exists():
            return match[0]  # Sphinx reports it
        return f"]({REPOSITORY}/blob/main/{path}{match[2] or ''})" if REPOSITORY else "]{.file}"

    text = LINK.sub(replaced, source[0])
    source[0] = re.sub(r"\[([^\]\[]+)\]\{\.file\}", r"\1", text)


def show_examples_as_code(app: Sphinx, command: object, lines: list[str]) -> None:
    """Turn the lines of a help text that are not filled, which are examples, into code."""
    shown: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("| ") and not inside:
            shown += [f"{line[2:]}:", ""]  # such as "Example:", and a second colon
        else:
            shown.append(f"   {line[2:]}" if line.startswith("| ") else line)
        inside = line.startswith("| ")
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Register the directive and the links."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", link_to_repository)
    app.connect("sphinx-click-process-description", show_examples_as_code)
