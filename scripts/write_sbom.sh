#!/usr/bin/env bash
# Write the bill of materials of the server image's locked Python packages in CycloneDX: build/sbom/server.cdx.json.
# Usage: write_sbom.sh PYTHON      needs build/tools/sbom (make sbom)
set -euo pipefail

here=$(dirname "$0")
folder=build/sbom
mkdir -p "$folder"
trap 'rm -f "$folder/server.cdx.json.part"' EXIT
# the categories that service-push installs; the time of the commit, so that the same commit gives the same file
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
"$1" "$here/locked_requirements.py" default fast postgresql >"$folder/requirements.txt"
build/tools/sbom/bin/cyclonedx-py requirements --output-reproducible --output-format JSON --spec-version 1.6 \
  --output-file "$folder/server.cdx.json.part" "$folder/requirements.txt"
mv "$folder/server.cdx.json.part" "$folder/server.cdx.json"
echo "$folder/server.cdx.json: $(grep -c '"purl"' "$folder/server.cdx.json") packages"
