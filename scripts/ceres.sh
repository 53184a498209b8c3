#!/usr/bin/env bash
# Ceres as repal links it: Debian's source without its patches, compiled like repal, without SuiteSparse and LAPACK.
#
#   scripts/ceres.sh path [native]     prints its folder, which every checkout on this machine shares
#   scripts/ceres.sh build [native]    makes that folder; nothing if it is there. `native` is for builds with REPAL_NATIVE
#
# docs/decisions/002 says why. scripts/setup.sh calls this when the compilers are installed.
set -euo pipefail

say() { echo "ceres: $*"; }
die() { echo "ceres: $*" >&2; exit 1; }
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 6 >&2; exit 2; }

case ${1:-} in path | build) ;; *) usage ;; esac
case ${2:-} in '' | native) ;; *) usage ;; esac

# shellcheck source=/dev/null
. /etc/os-release
case $ID-${VERSION_ID:-} in
    debian-12) version=2.1.0 ;;
    debian-13) version=2.2.0 ;;
    *) die "no version of Ceres is known for ${PRETTY_NAME:-this system}; name your own in CMAKE_PREFIX_PATH" ;;
esac

# The first flags are those of cmake/compiler.cmake: both contain Eigen's functions, which the linker merges, so they must be
# the same. The last ones let the linker drop what is not called.
flags="-ffp-contract=on -ffunction-sections -fdata-sections"
processor=
if [ "${2:-}" = native ]; then
    flags="-march=native $flags"
    # A home folder may be shared by machines of several kinds.
    processor=$(clang++-19 -march=native -### -x c++ -c /dev/null 2>&1 | grep -o '"-target-[cf][^"]*" "[^"]*"')
elif [ "$(uname -m)" = x86_64 ]; then
    flags="-march=x86-64-v3 $flags"
fi

# L-BFGS needs none of the libraries. What it has to say is in its summary; on stderr it may only say that it aborts (-3).
# Eight sources at a time compile in two fifths of the time, most of which goes into reading Eigen.
settings=(
    -D CMAKE_CXX_COMPILER=clang++-19 -D CMAKE_C_COMPILER=clang-19 -D CMAKE_BUILD_TYPE=Release
    -D BUILD_SHARED_LIBS=OFF -D CMAKE_POSITION_INDEPENDENT_CODE=ON
    -D CMAKE_CXX_VISIBILITY_PRESET=hidden -D CMAKE_VISIBILITY_INLINES_HIDDEN=ON
    -D SUITESPARSE=OFF -D CXSPARSE=OFF -D EIGENSPARSE=OFF -D EIGENMETIS=OFF -D LAPACK=OFF -D CUDA=OFF -D USE_CUDA=OFF
    -D SCHUR_SPECIALIZATIONS=OFF -D GFLAGS=OFF -D MINIGLOG=ON -D MINIGLOG_MAX_LOG_LEVEL=-3
    -D CMAKE_UNITY_BUILD=ON
    -D BUILD_TESTING=OFF -D BUILD_EXAMPLES=OFF -D BUILD_BENCHMARKS=OFF -D PROVIDE_UNINSTALL_TARGET=OFF
)
hash=$(printf '%s\n' "$ID-$VERSION_ID" "$flags" "$processor" "${settings[@]}" | sha256sum | head -c 12)
cache=${XDG_CACHE_HOME:-~/.cache}/repal
folder=$cache/ceres-$version-$hash

# Downloads the source into a folder. The list of sources is apt's for this call alone: an entry for good would have to
# name the same key as the machine's own for the same mirror, now and whenever that changes, or apt refuses both.
download() {
    local mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        sed -n "s/ $VERSION_CODENAME\$//p" | head -n 1)
    [ -n "$mirror" ] || die "no apt source for $VERSION_CODENAME found, so no mirror to take the source of Ceres from"
    mkdir -p "$1/lists/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $VERSION_CODENAME main" >"$1/sources.list"
    local apt_get=(apt-get -q -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$1/lists" -o "Dir::Cache=$1" -o APT::Sandbox::User="$(id -un)")
    "${apt_get[@]}" update
    (cd "$1" && "${apt_get[@]}" source --download-only --tar-only ceres-solver)
}

# Everything happens in a folder beside, which takes its name when it is whole.
build() {
    local archive
    mkdir -p "$cache"
    # Of builds that were killed.
    find "$cache" -maxdepth 1 -name '.ceres-*' -mmin +1440 -exec rm -rf {} +
    work=$(mktemp -d "$cache/.ceres-XXXXXX")
    trap 'rm -rf "$work"' EXIT

    download "$work"
    archive=("$work/ceres-solver_$version"*.orig.tar.*)
    [ -f "${archive[0]}" ] || die "the source of Ceres is not version $version: $(cd "$work" && echo ceres-solver*)"
    mkdir "$work/source"
    tar -xf "${archive[0]}" -C "$work/source" --strip-components=1
    # The one header of 2.1 that may not be read twice.
    unguarded=$work/source/internal/ceres/manifold_adapter.h
    [ ! -f "$unguarded" ] || sed -i '1i #pragma once' "$unguarded"

    # Messages name files; not those of this home.
    cmake -G Ninja --no-warn-unused-cli -S "$work/source" -B "$work/build" "${settings[@]}" \
        -D CMAKE_INSTALL_PREFIX="$work/whole" -D CMAKE_CXX_FLAGS="$flags -ffile-prefix-map=$work/source=ceres"
    cmake --build "$work/build"
    cmake --install "$work/build" >"$work/install.log"
    install -D -m 644 "$work/source/LICENSE" "$work/whole/share/doc/ceres/copyright"
    find "$work/whole" -type f -exec sync {} +
    # Another set-up may have been quicker.
    mv -T "$work/whole" "$folder" 2>/dev/null || [ -d "$folder" ]
}

case $1 in
    path) echo "$folder" ;;
    build) [ -d "$folder" ] || { say "building Ceres $version in $folder, once"; build; } ;;
esac
