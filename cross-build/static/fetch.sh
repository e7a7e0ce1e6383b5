#!/bin/sh
# Fetches what the recipe builds from, and only if its hash is right.
#
#   fetch.sh ARCH FOLDER   hard-links the files of sources.lock for ARCH and for
#                          `source` into FOLDER, and writes FOLDER/manifest:
#                          arch package version file sha256
#
# Files come from where apt gets its own (proxy and all), and stay in the cache.
# The distribution keeps only the newest revision of a package. Where it has no
# longer the locked one, a newer revision of the same upstream version is taken,
# on the word of the distribution's signature, and the manifest says so; another
# upstream version is refused.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/say.sh"
arch=$1 folder=$2
lock=${KENSA_SOURCES_LOCK:-$here/sources.lock}
downloads=$cache/downloads
mkdir -p "$downloads" "$folder"
temp=$(mktemp -d "$downloads/.fetch-XXXXXX")
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM HUP

want apt-get apt
want sha256sum coreutils
apt_helper=${KENSA_APT_HELPER:-/usr/lib/apt/apt-helper}

# sites are where apt gets packages from.
sites() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sed 's|/*$||' | sort -u; }

# download URI FILE SHA256: the file is there, and right, or not there.
download() {
  "$apt_helper" -o APT::Sandbox::User=root download-file "$1" "$temp/$2" "SHA256:$3" >>"$temp/log" 2>&1 || { rm -f "$temp/$2"; return 1; }
  [ "$(hash_of "$temp/$2")" = "$3" ] || { say "$2: wrong hash; thrown away"; rm -f "$temp/$2"; return 1; }
  mv "$temp/$2" "$downloads/$2"
}

# cached FILE SHA256
cached() {
  [ -f "$downloads/$1" ] || return 1
  [ "$(hash_of "$downloads/$1")" = "$2" ] && return 0
  say "$1: damaged in $downloads; fetched again"
  rm -f "$downloads/$1"
  return 1
}

# locked PATH FILE SHA256
locked() {
  cached "$2" "$3" && return 0
  say "fetching $2"
  for site in $(sites); do
    download "$site/$(echo "$1" | sed 's/+/%2b/g; s/~/%7e/g')" "$2" "$3" && return 0
  done
  return 1
}

# revised ARCH PACKAGE VERSION FILE SHA256: sets revision, file and sha256 to those of
# the distribution's newest revision.
revised() {
  line=$("$here/lock.sh" --one "$1" "$2" "$4" 2>>"$temp/log") || line=
  [ -n "$line" ] || fail "$2 $3 for $1: cannot be fetched: $(grep -v '^$' "$temp/log" | tail -1)" \
    "check the network, and that apt-get update works; what was fetched is kept"
  old=$3 wanted=$4
  new=${line%% *} sha256=${line##* }
  path=${line#* } path=${path% *} file=$(basename "$path")
  [ "${old%-*}" = "${new%-*}" ] || fail "$2: sources.lock wants $old, the distribution has $new, another upstream version" \
    "run cross-build/static/lock.sh, then make test-arm64, and look at what changed"
  [ "$old" != "$new" ] || [ "$wanted" != "$file" ] || [ "$sha256" = "$5" ] || fail "$file: the mirror's has not the hash in sources.lock, $5" \
    "another mirror may be whole; sources.lock is wrong only if cross-build/static/lock.sh changes it"
  [ "$old" = "$new" ] || say "$2: the distribution has $new in place of the locked $old"
  revision=$new
  locked "$path" "$file" "$sha256" || fail "$2 $new for $1: $file cannot be fetched whole: $(grep -v '^$' "$temp/log" | tail -1)" \
    "check the network, try again, or try another mirror; what was fetched is kept"
}

: >"$temp/manifest"
grep -E "^(source|$arch) " "$lock" >"$temp/lines" || fail "sources.lock: nothing for $arch" "known are amd64, arm64, armhf"
while read -r of package revision path sha256; do
  file=$(basename "$path")
  locked "$path" "$file" "$sha256" || revised "$of" "$package" "$revision" "$file" "$sha256"
  ln -f "$downloads/$file" "$folder/$file"
  echo "$of $package $revision $file $sha256" >>"$temp/manifest"
done <"$temp/lines"
mv "$temp/manifest" "$folder/manifest"
