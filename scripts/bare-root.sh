#!/usr/bin/env bash
# A distribution with nothing but its base in a folder, to which tests can change their root. Needs root.
#
#   scripts/bare-root.sh why-not                 prints why there can be none here; nothing if there can
#   scripts/bare-root.sh make FOLDER [NAME [PACKAGE...]]   makes it: debian11, debian12, debian13; without a name this
#                                                machine's; with these packages and what they need
#   scripts/bare-root.sh run ROOT FOLDER COMMAND...   runs a command in a folder there; what it starts ends with it
#
# The environment of `run` is the caller's: call it with `env -i` for none.
set -euo pipefail

die() { echo "bare-root: $*" >&2; exit 2; }

why_not() {
    if [ "$(id -u)" -ne 0 ]; then echo "changing the root needs root"
    elif ! unshare --mount --pid --fork true 2>/dev/null; then echo "root may not mount here"
    elif ! command -v debootstrap >/dev/null; then echo "there is no debootstrap"
    fi
}

# The mirror that this machine's apt has its base from: it has the other releases, too.
mirror_of() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | sed -n "s/ $1\$//p" | head -n 1
}

make() {
    local folder=$1 name=${2:-} codename here mirror packages
    packages=$(IFS=, && echo "${*:3}")
    # shellcheck source=/dev/null
    here=$(. /etc/os-release && echo "$VERSION_CODENAME")
    case $name in
        '') codename=$here ;;
        debian11) codename=bullseye ;;
        debian12) codename=bookworm ;;
        debian13) codename=trixie ;;
        *) die "$name: not a distribution that is known here; known: debian11, debian12, debian13" ;;
    esac
    [ ! -e "$folder" ] || die "$folder: is there already"
    mirror=$(mirror_of "$here")
    [ -n "$mirror" ] || die "no apt source for $here found, so no mirror to take $codename from"
    unfinished=$(mktemp -d -t bare-root-XXXXXX)  # debootstrap takes no blank in a path
    trap 'rm -rf "$unfinished"' EXIT
    chmod 755 "$unfinished"
    debootstrap --variant=minbase ${packages:+--include="$packages"} "$codename" "$unfinished" "$mirror" >"$unfinished.log" 2>&1 ||
        { tail -n 20 "$unfinished.log" >&2; rm -f "$unfinished.log"; die "debootstrap of $codename from $mirror failed"; }
    rm -f "$unfinished.log"
    # As an installation has it: the machine knows its own name.
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname -s)" >"$unfinished/etc/hosts"
    # From another file system it takes a while: it has its name when it is whole.
    mkdir -p "$(dirname "$folder")"
    mv "$unfinished" "$folder.$$"
    mv -T "$folder.$$" "$folder"
}

run() {
    local root=$1 folder=$2
    shift 2
    # Its own processes: daemons that a test leaves behind end with the command. A root that is mounted can have roots in it.
    # shellcheck disable=SC2016
    exec unshare --mount --pid --fork --kill-child bash -c '
        mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" &&
            exec chroot "$1" /bin/sh -c "cd \"\$0\" && exec \"\$@\"" "${@:2}"' bash "$root" "$folder" "$@"
}

case ${1:-} in
    why-not) why_not ;;
    make) [ $# -ge 2 ] || die "make needs a folder"; make "${@:2}" ;;
    run) [ $# -ge 4 ] || die "run needs a root, a folder and a command"; run "${@:2}" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 8 >&2; exit 2 ;;
esac
