#!/usr/bin/env bash
# Test a running server from outside, with curl alone: every route that people use, and one bad body.
# Usage: test_local_server.sh [URL]      (default http://127.0.0.1:5000)
# SERVICE_TOKEN is sent as bearer token where set: Cloud Run wants an identity token.
set -euo pipefail

url=${1:-http://127.0.0.1:5000}
url=${url%/}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
# the token goes in by standard input: arguments can be read by every user of the machine
header=${SERVICE_TOKEN:+header = \"Authorization: Bearer $SERVICE_TOKEN\"}
failures=0

# ask METHOD PATH [JSON]: the body goes to $answer, status and content type are printed.
ask() {
  local arguments=(--silent --show-error --max-time 10 --request "$1")
  if [ $# -gt 2 ]; then arguments+=(--header 'Content-Type: application/json' --data-raw "$3"); fi
  curl --config - "${arguments[@]}" --output "$answer" --write-out '%{http_code} %{content_type}' "$url$2" <<<"$header"
}

# check STATUS_AND_TYPE PATTERN METHOD PATH [JSON]: both patterns are extended regular expressions.
check() {
  local wanted=$1 pattern=$2 got
  shift 2
  got=$(ask "$@") || got="no answer"
  if [[ $got =~ ^$wanted ]] && tr -d ' \n' <"$answer" | grep --quiet --extended-regexp -- "$pattern"; then
    echo "ok      $1 $2 ${3:-}"
  else
    echo "FAILED  $1 $2 ${3:-}"
    echo "        wanted: $wanted with $pattern"
    echo "        got:    $got with $(head -c 300 "$answer")"
    failures=$((failures + 1))
  fi
}

"$(dirname "$0")/wait_ready.sh" "$url"

json='200 application/json'
number='-?[0-9]+(\.[0-9]+)?'
check '200 text/html' 'Hello' GET /
check "$json" '^\{"message":"pong!"\}$' GET /ping
check 200 '' GET /health/live
check 200 '' GET /health/ready
check "$json" '^\{"prediction":163\.[0-9]+\}$' POST /stream '{"instance": 0.0110390390462862}'
check "$json" "^\\{\"predictions\":\\[$number,$number,$number\\]\\}$" POST /batch \
  '{"instances": [[0.077863387626902], [-0.0396181284261162], [0.0110390390462862]]}'
check '422 application/problem\+json' '"pointer":"#/instance"' POST /stream '{"instance": "eleven"}'

if [ "$failures" -gt 0 ]; then
  echo "$failures of the checks against $url failed" >&2
  exit 1
fi
echo "$url answers as it should"
