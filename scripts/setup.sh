#!/usr/bin/env bash
# Installs what repal is built with. Debian 12 or 13, as root or with sudo.
#
#   scripts/setup.sh            install what is missing; does nothing, quickly, when all is there
#   scripts/setup.sh --tests    what it is tested with, too
#   scripts/setup.sh --native   what builds with REPAL_NATIVE need, too
#   scripts/setup.sh --check    exit 0 when all to build it is there, 1 when not; installs nothing
#
# Options may be combined.
set -euo pipefail

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

tests=false native=false check=false
for option; do
    case $option in
        --tests) tests=true ;;
        --native) native=true ;;
        --check) check=true ;;
        *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 8 >&2; exit 2 ;;
    esac
done

# shellcheck source=/dev/null
. /etc/os-release
case $ID-${VERSION_ID:-} in
    debian-12 | debian-13) ;;
    *) die "this script was tried on Debian 12 and 13, not on ${PRETTY_NAME:-this system}; docs/building.md lists what to install by hand" ;;
esac

# Debian 12 is the only one whose cmake is too old for C++20 modules.
needs_backports() { [ "$ID-$VERSION_ID" = debian-12 ]; }

packages=(
    clang-19 clang-tools-19 clang-tidy-19 clang-format-19 lld-19 libclang-rt-19-dev cmake ninja-build git
    libeigen3-dev librange-v3-dev libyaml-cpp-dev libcli11-dev libfmt-dev
    libboost-dev libhdf5-dev libmatio-dev libzip-dev libaec-dev zlib1g-dev libdeflate-dev librandom123-dev
    nlohmann-json3-dev patchelf dpkg-dev file
)
# The C++ library in parts, to be linked with an older glibc.
[ "$ID-$VERSION_ID-$(uname -m)" != debian-12-x86_64 ] || packages+=(libstdc++-12-pic binutils)
! "$tests" ||
    packages+=(libgtest-dev libgmock-dev python3 python3-venv python3-numpy python3-h5py python3-scipy python3-torch libopenblas0-pthread
        python3-matplotlib python3-pandas python3-sklearn python3-tqdm mypy libclang-19-dev llvm-19-dev
        chromium fonts-liberation slurm-wlm munge debootstrap)
# npm gets the plotting library; it comes with some packages of nodejs, which then refuse Debian's.
command -v npm >/dev/null || packages+=(nodejs npm)

installed_version() { dpkg-query -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null | sed -n 's/^ii *//p'; }

missing=()
for package in "${packages[@]}"; do
    [ -n "$(installed_version "$package")" ] || missing+=("$package")
done
cmake_is_new_enough() {
    local version
    version=$(installed_version cmake)
    [ -n "$version" ] && dpkg --compare-versions "$version" ge 3.28
}
cmake_is_new_enough || [[ " ${missing[*]} " = *" cmake "* ]] || missing+=(cmake)

install_missing() {
    local mirror as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run this as root (there is no sudo); to install: ${missing[*]}"
        as_root=(sudo)
    fi
    apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }

    say "installing with apt: ${missing[*]}"
    apt_get update

    if needs_backports && [[ " ${missing[*]} " = *" cmake "* ]]; then
        if ! apt-cache policy cmake | grep -q bookworm-backports; then
            # The mirror that this machine already uses for Debian.
            # shellcheck disable=SC2016
            mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | sed -n 's/ bookworm$//p' | head -n 1)
            [ -n "$mirror" ] || die "no apt source for bookworm found, so no mirror to take bookworm-backports from"
            say "adding bookworm-backports (for cmake >= 3.28) in /etc/apt/sources.list.d/repal-backports.list"
            echo "deb $mirror bookworm-backports main" | "${as_root[@]}" tee /etc/apt/sources.list.d/repal-backports.list >/dev/null
            apt_get update
        fi
        apt_get install -y --no-install-recommends -t bookworm-backports cmake
    fi
    apt_get install -y --no-install-recommends "${missing[@]}"
}

# The kinds of libraries that have to be built; none where CMake finds the user's own Ceres.
kinds=('')
! "$native" || kinds+=(native)
IFS=: read -ra folders <<<"${CMAKE_PREFIX_PATH:-}"
for folder in "${folders[@]}"; do
    [ ! -e "$folder/lib/cmake/Ceres/CeresConfig.cmake" ] || kinds=()
done

was_complete=true
if [ ${#missing[@]} -gt 0 ]; then
    ! "$check" || { say "missing: ${missing[*]}"; exit 1; }
    install_missing
    was_complete=false
fi
cd "$(dirname "$0")"
for kind in "${kinds[@]}"; do
    # shellcheck disable=SC2086
    [ ! -d "$(./libraries.sh path $kind)" ] || continue
    ! "$check" || { say "missing: what scripts/libraries.sh builds${kind:+ for REPAL_NATIVE}"; exit 1; }
    # shellcheck disable=SC2086
    ./libraries.sh build $kind
    was_complete=false
done
if "$was_complete"; then say "everything is installed"; else say "done"; fi
