#!/usr/bin/env bash
# What repal links and no package of Debian has as it must be: Ceres, libzip, fmt and yaml-cpp from Debian's sources and, on Debian 12,
# the C and C++ libraries that let the program run where glibc is 2.28 or newer.
#
#   scripts/libraries.sh path [native]     prints their folder, which every checkout on this machine shares
#   scripts/libraries.sh build [native]    makes that folder; nothing if it is there. `native` is for builds with REPAL_NATIVE
#
# docs/decisions/002 and 018 say why. scripts/setup.sh calls this when the compilers are installed.
set -euo pipefail

say() { echo "libraries: $*"; }
die() { echo "libraries: $*" >&2; exit 1; }
usage() { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 7 >&2; exit 2; }

case ${1:-} in path | build) ;; *) usage ;; esac
case ${2:-} in '' | native) ;; *) usage ;; esac

# shellcheck source=/dev/null
. /etc/os-release
case $ID-${VERSION_ID:-} in
    debian-12) ceres=2.1.0 ;;
    debian-13) ceres=2.2.0 ;;
    *) die "no version of Ceres is known for ${PRETTY_NAME:-this system}; name your own in CMAKE_PREFIX_PATH" ;;
esac

# The first flags are those of cmake/compiler.cmake: Ceres and repal contain Eigen's functions, which the linker merges, so
# they must be the same. The last ones let the linker drop what is not called.
flags="-ffp-contract=on -ffunction-sections -fdata-sections"
processor=
if [ "${2:-}" = native ]; then
    flags="-march=native $flags"
    # A home folder may be shared by machines of several kinds.
    processor=$(clang++-19 -march=native -### -x c++ -c /dev/null 2>&1 | grep -o '"-target-[cf][^"]*" "[^"]*"')
elif [ "$(uname -m)" = x86_64 ]; then
    flags="-march=x86-64-v3 $flags"
fi

settings_of_all=(
    -D CMAKE_CXX_COMPILER=clang++-19 -D CMAKE_C_COMPILER=clang-19 -D CMAKE_BUILD_TYPE=Release
    -D BUILD_SHARED_LIBS=OFF -D CMAKE_POSITION_INDEPENDENT_CODE=ON
    -D CMAKE_C_VISIBILITY_PRESET=hidden -D CMAKE_CXX_VISIBILITY_PRESET=hidden -D CMAKE_VISIBILITY_INLINES_HIDDEN=ON
)
# L-BFGS needs none of the libraries. What it has to say is in its summary; on stderr it may only say that it aborts (-3).
# Eight sources at a time compile in two fifths of the time, most of which goes into reading Eigen.
settings_of_ceres_solver=(
    -D SUITESPARSE=OFF -D CXSPARSE=OFF -D EIGENSPARSE=OFF -D EIGENMETIS=OFF -D LAPACK=OFF -D CUDA=OFF -D USE_CUDA=OFF
    -D SCHUR_SPECIALIZATIONS=OFF -D GFLAGS=OFF -D MINIGLOG=ON -D MINIGLOG_MAX_LOG_LEVEL=-3
    -D CMAKE_UNITY_BUILD=ON
    -D BUILD_TESTING=OFF -D BUILD_EXAMPLES=OFF -D BUILD_BENCHMARKS=OFF -D PROVIDE_UNINSTALL_TARGET=OFF
)
# NumPy writes entries that are stored or deflated; nothing is encrypted.
settings_of_libzip=(
    -D ENABLE_COMMONCRYPTO=OFF -D ENABLE_GNUTLS=OFF -D ENABLE_MBEDTLS=OFF -D ENABLE_OPENSSL=OFF -D ENABLE_WINDOWS_CRYPTO=OFF
    -D ENABLE_BZIP2=OFF -D ENABLE_LZMA=OFF -D ENABLE_ZSTD=OFF
    -D BUILD_TOOLS=OFF -D BUILD_REGRESS=OFF -D BUILD_EXAMPLES=OFF -D BUILD_DOC=OFF
)
settings_of_fmtlib=(-D FMT_DOC=OFF -D FMT_TEST=OFF)
# Debian's archive is for programs alone, not for the library that Python loads.
settings_of_yaml_cpp=(-D YAML_CPP_BUILD_TESTS=OFF -D YAML_CPP_BUILD_TOOLS=OFF -D YAML_CPP_BUILD_CONTRIB=OFF)

# The glibc that programs are linked with, and what it lacks of what this machine's libstdc++ calls.
old_release=
[ "$ID-$VERSION_ID-$(uname -m)" != debian-12-x86_64 ] || old_release=bullseye
libstdcxx=/usr/lib/gcc/x86_64-linux-gnu/12
c_library='
#include <unistd.h>
char __libc_single_threaded = 0;  // 2.32: "may be more than one thread" is always true
unsigned arc4random(void) {       // 2.36
  unsigned value;
  if (getentropy(&value, sizeof value) != 0) __builtin_trap();
  return value;
}
void arc4random_buf(void* buffer, unsigned long bytes) {  // 2.36, which libzip calls; entropy comes in pieces of 256 bytes
  for (char* next = buffer; bytes > 0;) {
    unsigned long piece = bytes < 256 ? bytes : 256;
    if (getentropy(next, piece) != 0) __builtin_trap();
    next += piece;
    bytes -= piece;
  }
}'
# The versions of 2.29 differ from the first ones in how they report errors to C alone.
mathematics='
#define FIRST_VERSION(f, parameters, arguments)              \
  double first_##f parameters;                               \
  __asm__(".symver first_" #f "," #f "@GLIBC_2.2.5");        \
  double f parameters { return first_##f arguments; }
FIRST_VERSION(exp, (double x), (x))
FIRST_VERSION(exp2, (double x), (x))
FIRST_VERSION(log, (double x), (x))
FIRST_VERSION(log2, (double x), (x))
FIRST_VERSION(pow, (double x, double y), (x, y))'

hash=$(printf '%s\n' "$ID-$VERSION_ID" "$ceres" "$flags" "$processor" "${settings_of_all[@]}" "${settings_of_ceres_solver[@]}" \
    "${settings_of_libzip[@]}" "${settings_of_fmtlib[@]}" "${settings_of_yaml_cpp[@]}" "$old_release" "$c_library" "$mathematics" | sha256sum | head -c 12)
cache=${XDG_CACHE_HOME:-~/.cache}/repal
folder=$cache/libraries-$hash

# apt_of RELEASE KIND FOLDER: apt-get, called `apt_get`, for one release of Debian. The list of sources is apt's for these
# calls alone: an entry for good would have to name the same key as the machine's own for the same mirror, now and whenever
# that changes, or apt refuses both.
apt_of() {
    local release=$1 kind=$2 apt=$3 mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        sed -n "s/ $VERSION_CODENAME\$//p" | head -n 1)
    [ -n "$mirror" ] || die "no apt source for $VERSION_CODENAME found, so no mirror to take $release from"
    mkdir -p "$apt/lists/partial"
    : >"$apt/installed"
    echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$apt/sources.list"
    apt_get=(apt-get -q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/installed" -o "Dir::Cache=$apt"
        -o APT::Sandbox::User="$(id -un)")
    "${apt_get[@]}" update
}

# record SOURCE FILE VERSION: whose work it is, for the licences of a package.
record() {
    install -D -m 644 "$2" "$work/whole/share/doc/$1/copyright"
    echo "$3" >"$work/whole/share/doc/$1/version"
}

# build_source NAME SETTING...: of Debian's source package of that name.
build_source() {
    local name=$1 archive source=$work/$1
    shift
    archive=$(echo "$work/${name}_"*.orig.tar.*)
    mkdir "$source"
    tar -xf "$archive" -C "$source" --strip-components=1
    # The one header of Ceres 2.1 that may not be read twice.
    local unguarded=$source/internal/ceres/manifold_adapter.h
    [ ! -f "$unguarded" ] || sed -i '1i #pragma once' "$unguarded"

    # Messages name files; not those of this home.
    cmake -G Ninja --no-warn-unused-cli -S "$source" -B "$source-build" "${settings_of_all[@]}" "$@" \
        -D CMAKE_INSTALL_PREFIX="$work/whole" -D CMAKE_INSTALL_LIBDIR=lib -D CMAKE_PREFIX_PATH="$work/whole" \
        -D CMAKE_C_FLAGS="$flags -ffile-prefix-map=$source=$name" -D CMAKE_CXX_FLAGS="$flags -ffile-prefix-map=$source=$name"
    cmake --build "$source-build"
    cmake --install "$source-build" >"$work/install.log"
    archive=${archive##*_}
    record "$name" "$source"/LICENSE* "$(grep -o '^[0-9.]*[0-9]' <<<"${archive%.orig.tar.*}")"
}

# What a link with -B and -L finds before what this machine has: the glibc of another release, and the C++ library of this
# one, linked with that.
build_glibc() {
    local glibc=$work/whole/glibc packages=$work/packages root=$work/root
    mkdir -p "$glibc" "$packages"
    apt_of "$old_release" deb "$work/old-apt"
    (cd "$packages" && "${apt_get[@]}" download libc6 libc6-dev libgcc-s1 gcc-10-base)
    for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$root"; done
    record glibc "$root/usr/share/doc/libc6/copyright" "$(dpkg-deb -f "$packages"/libc6_*.deb Version)"
    record gcc-10 "$root/usr/share/doc/gcc-10-base/copyright" "$(dpkg-deb -f "$packages"/libgcc-s1_*.deb Version)"
    # shellcheck disable=SC2016
    record gcc-12 /usr/share/doc/gcc-12-base/copyright "$(dpkg-query -W -f '${Version}' libstdc++-12-pic)"
    for library in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 libresolv.so.2 librt.so.1 ld-linux-x86-64.so.2 libgcc_s.so.1; do
        cp -L "$root/lib/x86_64-linux-gnu/$library" "$glibc/"
    done
    cp "$root"/usr/lib/x86_64-linux-gnu/{Scrt1.o,crti.o,crtn.o,libc_nonshared.a} "$glibc/"

    clang-19 -O2 -fPIC -fvisibility=hidden -x c -c - -o "$work/c_library.o" <<<"$c_library"
    clang-19 -O2 -fPIC -fvisibility=hidden -fno-builtin -x c -c - -o "$work/mathematics.o" <<<"$mathematics"
    ar r "$glibc/libc_nonshared.a" "$work/c_library.o"
    ar rc "$glibc/libm_nonshared.a" "$work/mathematics.o"
    # Threads and dlopen are in libc since 2.34, so nobody names their libraries any more.
    echo 'GROUP ( libc.so.6 libc_nonshared.a AS_NEEDED ( libpthread.so.0 libdl.so.2 ld-linux-x86-64.so.2 ) )' >"$glibc/libc.so"
    echo 'GROUP ( libm_nonshared.a libm.so.6 )' >"$glibc/libm.so"
    echo 'GROUP ( libgcc_s.so.1 )' >"$glibc/libgcc_s.so"
    echo 'GROUP ( libresolv.so.2 )' >"$glibc/libresolv.so"
    echo 'GROUP ( librt.so.1 )' >"$glibc/librt.so"

    # lld takes no version script that names symbols which are not there. What only programs of GCC 4 and older call is left out.
    clang++-19 -B"$glibc" -L"$glibc" -fuse-ld=bfd -shared -nodefaultlibs \
        -Wl,-soname,libstdc++.so.6 -Wl,--version-script=$libstdcxx/libstdc++_pic.map -Wl,-z,relro,-z,defs,--gc-sections,--build-id \
        -Wl,--whole-archive $libstdcxx/libstdc++_pic.a -Wl,--no-whole-archive $libstdcxx/libstdc++.a \
        -lm -lc -lgcc_s -o "$glibc/libstdc++.so.6"
    echo 'GROUP ( libstdc++.so.6 )' >"$glibc/libstdc++.so"
}

# Everything happens in a folder beside, which takes its name when it is whole.
build() {
    mkdir -p "$cache"
    # Of builds that were killed.
    find "$cache" -maxdepth 1 -name '.libraries-*' -mmin +1440 -exec rm -rf {} +
    work=$(mktemp -d "$cache/.libraries-XXXXXX")
    trap 'rm -rf "$work"' EXIT

    apt_of "$VERSION_CODENAME" deb-src "$work/apt"
    (cd "$work" && "${apt_get[@]}" source --download-only --tar-only ceres-solver libzip fmtlib yaml-cpp)
    [ -f "$(echo "$work/ceres-solver_$ceres"*.orig.tar.*)" ] ||
        die "the source of Ceres is not version $ceres: $(cd "$work" && echo ceres-solver*)"
    build_source ceres-solver "${settings_of_ceres_solver[@]}"
    build_source libzip "${settings_of_libzip[@]}"
    build_source fmtlib "${settings_of_fmtlib[@]}"
    build_source yaml-cpp "${settings_of_yaml_cpp[@]}"
    [ -z "$old_release" ] || build_glibc
    find "$work/whole" -type f -exec sync {} +
    # Another set-up may have been quicker.
    mv -T "$work/whole" "$folder" 2>/dev/null || [ -d "$folder" ]
}

case $1 in
    path) echo "$folder" ;;
    build) [ -d "$folder" ] || { say "building Ceres $ceres, libzip, fmt and yaml-cpp in $folder, once"; build; } ;;
esac
