#!/bin/sh
# Prints the version of what is packaged, in Debian's form and order: that of the
# tag; after it, +COMMITS.gHASH; where there is no tag, 0.0.0+TIME.gHASH of the
# commit. A changed tree ends in .changed.
set -eu
cd "$(dirname "$0")"
changed=
git diff --quiet HEAD -- 2>/dev/null || changed=.changed
if tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null); then
  after=$(git rev-list --count "$tag..HEAD")
  version=${tag#v}
  # What comes before a release sorts before it in Debian's order only after ~.
  version=$(echo "$version" | tr - '~')
  if [ "$after" -gt 0 ]; then
    version="$version+$after.g$(git rev-parse --short=9 HEAD)"
  fi
else
  version="0.0.0+$(TZ=UTC0 git show -s --date=format-local:%Y%m%d%H%M%S --format=%cd HEAD).g$(git rev-parse --short=9 HEAD)"
fi
if [ -n "$changed" ]; then
  case "$version" in *+*) version="$version.changed" ;; *) version="$version+changed" ;; esac
fi
echo "$version"
