#!/usr/bin/env bash
# Makes a wheel for every Python from 3.9 on: the package of python/, and in it the program, its library and the plugins, as
# they are in the relocatable package. The release build must exist.
#
#   scripts/wheel.sh FOLDER     writes FOLDER/repal-VERSION-py3-none-manylinux_2_28_x86_64.whl and prints its name
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -r python/repal "$stage/repal"
rm -rf "$stage/repal/__pycache__"
for component in program bundle; do
    cmake --install build/release --strip --component "$component" --prefix "$stage/repal/engine" >/dev/null
done

# Other packages may have loaded an older libstdc++ under its own name.
lib=$stage/repal/engine/lib
mv "$lib/libstdc++.so.6" "$lib/libstdc++-repal.so.6"
patchelf --set-soname libstdc++-repal.so.6 "$lib/libstdc++-repal.so.6"
find "$stage/repal/engine/bin" "$lib" -type f \( -name '*.so*' -o -name repal \) -not -path '*/cmake/*' \
    -exec patchelf --replace-needed libstdc++.so.6 libstdc++-repal.so.6 {} \;
exec /usr/bin/python3 -B cmake/package/wheel.py "$stage" "$target"
