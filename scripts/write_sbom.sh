#!/usr/bin/env bash
# Write the bill of materials of the locked Python packages in an image, in CycloneDX: build/sbom/NAME.cdx.json.
# Usage: write_sbom.sh PYTHON NAME CATEGORY...      needs build/tools/sbom (make sbom)
set -euo pipefail

here=$(dirname "$0")
python=$1 name=$2
shift 2
folder=build/sbom
bill=$folder/$name.cdx.json
mkdir -p "$folder"
trap 'rm -f "$bill.part"' EXIT
# the time of the commit, so that the same commit gives the same file
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
"$python" "$here/locked_requirements.py" "$@" >"$folder/$name.txt"
build/tools/sbom/bin/cyclonedx-py requirements --output-reproducible --output-format JSON --spec-version 1.6 \
  --output-file "$bill.part" "$folder/$name.txt"
mv "$bill.part" "$bill"
echo "$bill: $(grep -c '"purl"' "$bill") packages"
