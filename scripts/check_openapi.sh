#!/usr/bin/env bash
# Check docs/openapi.json with the linters of scripts/openapi/package.json; needs Node.js 20 or newer and npm.
# Usage: check_openapi.sh
set -euo pipefail

rules=scripts/openapi
tools=build/openapi
mkdir -p "$tools"
cp "$rules/package.json" "$tools/package.json"
if ! cmp --silent "$rules/package.json" "$tools/installed"; then
    echo "Installing Spectral and Redocly CLI into $tools (from npm, about a minute)"
    npm install --prefix "$tools" --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
    cp "$rules/package.json" "$tools/installed"
fi
# warnings of Spectral pass: they want a contact, and descriptions that would repeat the summaries
"$tools/node_modules/.bin/spectral" lint --display-only-failures --ruleset "$rules/spectral.yaml" docs/openapi.json
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
    "$tools/node_modules/.bin/redocly" lint --config "$rules/redocly.yaml" docs/openapi.json
