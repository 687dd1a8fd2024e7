#!/usr/bin/env bash
# Fail when a file that git has or would take holds what looks like a secret and is not in the baseline.
# Usage: check_secrets.sh BIN      (the folder of the environment's programs)
set -euo pipefail

files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard
  else # an unpacked archive
    find . \( -name .venv -o -name build -o -name '.*_cache' \) -prune -o -type f -print0
  fi
}

# a file may be in the index and gone from the folder
files | while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "${file#./}"; fi; done |
  xargs -0 "$1/detect-secrets-hook" --baseline .secrets.baseline
