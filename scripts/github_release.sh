#!/usr/bin/env bash
# Create the GitHub release of the version in setup.cfg with the attested wheel, source distribution and bill of
# materials, once CHANGELOG.md has a section for it. Otherwise, and if it exists, there is nothing to do.
# Usage: github_release.sh FOLDER      (of the files)
# Environment: GITHUB_REPOSITORY, GITHUB_SHA, GH_TOKEN
set -euo pipefail

version=$(sed -n 's/^version = //p' setup.cfg)
notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
awk -v heading="## [$version]" 'index($0, heading) == 1 { found = 1; next } /^## / { found = 0 } found' CHANGELOG.md >"$notes"
if [ ! -s "$notes" ]; then
  echo "nothing to release: CHANGELOG.md has no section [$version]"
  exit
fi
if ! command -v gh >/dev/null; then
  echo "NOT RUN: gh is not installed; GitHub Actions has it" >&2
  exit 1
fi
if gh release view "v$version" --repo "$GITHUB_REPOSITORY" >/dev/null 2>&1; then
  echo "nothing to release: v$version exists"
  exit
fi
files=("$1"/*.whl "$1"/*.tar.gz "$1"/*.cdx.json)
for file in "$1"/*.whl "$1"/*.tar.gz; do
  gh attestation verify "$file" --repo "$GITHUB_REPOSITORY" --source-digest "$GITHUB_SHA" \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/build.yml" --deny-self-hosted-runners
done
gh release create "v$version" --repo "$GITHUB_REPOSITORY" --target "$GITHUB_SHA" --title "$version" \
  --notes-file "$notes" "${files[@]}"
