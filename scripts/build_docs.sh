#!/usr/bin/env bash
# Build the documentation site in build/docs/html. A warning, such as a broken link, is an error.
# Usage: build_docs.sh PYTHON      (of the environment with the package; the reference is made from it)
# REPOSITORY_URL: where links to files of the repository lead; without it they are plain text.
set -euo pipefail

tools=build/tools/docs
# the package and what it imports come from its own environment, after the packages of the tools
packages=$("$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$tools/bin/python" -c 'import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "project.pth").write_text(sys.argv[1] + "\n")' "$packages"
source=build/docs/source
rm -rf build/docs/source build/docs/html
mkdir -p "$source/docs" "$source/static"
cp README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md "$source"
cp -r assets "$source"
cp -r docs/*.md docs/*.png docs/adr "$source/docs"
cp docs/site/conf.py docs/site/*.md "$source"
cp docs/site/site.css "$source/static"
{
  echo '# Decisions'
  echo
  echo '```{toctree}'
  echo ':maxdepth: 1'
  (cd "$source/docs/adr" && ls [0-9]*.md)
  echo '```'
} >"$source/docs/adr/index.md"

mermaid=build/tools/mermaid/mermaid.min.js
if [ ! -e "$mermaid" ] && command -v npm >/dev/null; then
  mkdir -p build/tools/mermaid
  (cd build/tools/mermaid && npm pack --silent mermaid@11.17.2 >/dev/null && tar xzf mermaid-*.tgz &&
    mv package/dist/mermaid.min.js . && rm -r package mermaid-*.tgz) ||
    echo "mermaid could not be downloaded: diagrams are shown as text"
fi
if [ -e "$mermaid" ]; then cp "$mermaid" docs/site/show_diagrams.js "$source/static"; fi

PROJECT=$PWD PYTHONPATH=$PWD "$tools/bin/python" -m sphinx --builder html --fail-on-warning --keep-going --quiet \
  --doctree-dir build/docs/doctrees "$source" build/docs/html
echo "build/docs/html/index.html"
