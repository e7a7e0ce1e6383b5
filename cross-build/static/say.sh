# Sourced by the scripts beside it: how they speak, and where they keep things.

# Everything that took long lies here, outside the tree.
cache=${KENSA_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set; set KENSA_CACHE to a folder for what was built}/.cache}/kensa}/static

say() { echo "cross-build: $*" >&2; }

# fail WHAT REMEDY
fail() {
  echo "cross-build: error: $1" >&2
  [ -z "${2:-}" ] || echo "cross-build: hint: $2" >&2
  exit 1
}

# want PROGRAM PACKAGE
want() {
  command -v "$1" >/dev/null || fail "$1: not found" "apt-get install $2, or all that is needed at once: cross-build/deps.sh static ${arch:-arm64}"
}

hash_of() { sha256sum <"$1" | cut -c1-64; }
