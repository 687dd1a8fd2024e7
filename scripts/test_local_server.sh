#!/usr/bin/env bash
# Test a running server with curl: the main routes and one invalid body.
# Usage: test_local_server.sh [URL]      (default http://127.0.0.1:5000)
# SERVICE_TOKEN, if set, is sent as bearer token: Cloud Run requires an identity token.
set -euo pipefail

url=${1:-http://127.0.0.1:5000}
url=${url%/}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
# pass the token on standard input: all users of the machine can read arguments
header=${SERVICE_TOKEN:+header = \"Authorization: Bearer $SERVICE_TOKEN\"}
failures=0

# ask METHOD PATH [JSON]: print status and content type, write the body to $answer.
ask() {
  local arguments=(--silent --show-error --max-time 10 --request "$1")
  if [ $# -gt 2 ]; then arguments+=(--header 'Content-Type: application/json' --data-raw "$3"); fi
  curl --config - "${arguments[@]}" --output "$answer" --write-out '%{http_code} %{content_type}' "$url$2" <<<"$header"
}

# check STATUS_AND_TYPE PATTERN METHOD PATH [JSON]: both patterns are extended regular expressions
check() {
  local expected=$1 pattern=$2 got
  shift 2
  got=$(ask "$@") || got="no response"
  if [[ $got =~ ^$expected ]] && tr -d ' \n' <"$answer" | grep --quiet --extended-regexp -- "$pattern"; then
    echo "ok      $1 $2 ${3:-}"
  else
    echo "FAILED  $1 $2 ${3:-}"
    echo "        expected: $expected with $pattern"
    echo "        got:      $got with $(head -c 300 "$answer")"
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
  echo "$failures checks of $url failed" >&2
  exit 1
fi
echo "$url passed all checks"
