#!/bin/sh
# Looks for known vulnerabilities in the Go code that the programs call, with
# govulncheck and the Go team's database. That comes over the network, from
# elsewhere than modules do; GOVULNDB names a mirror of it, or a folder
# (file:///...). Nothing is said to be clean that was not looked at.
#
# Exit codes: 0 nothing found; 1 something found; 2 could not look.
set -u
cd "$(dirname "$0")/.." || exit 2
tool=golang.org/x/vuln/cmd/govulncheck@v1.9.0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
GOFLAGS="-tags=${TAGS:-customenv,gocv_specific_modules}" go run "$tool" ${GOVULNDB:+-db "$GOVULNDB"} ./firmware/cmd/kensa ./warning/cmd/kensa-warning >"$out" 2>&1
status=$?
cat "$out"
if grep -q '^No vulnerabilities found' "$out"; then
  exit 0
elif grep -q '^Vulnerability #\|^Your code is affected' "$out"; then
  exit 1
fi
echo "vulncheck: error: could not look (govulncheck ended with $status)" >&2
echo "vulncheck: hint: the database must be reachable, or GOVULNDB name a copy of it" >&2
exit 2
