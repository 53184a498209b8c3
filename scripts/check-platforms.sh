#!/usr/bin/env bash
# Does what the README says work on another distribution, from nothing? In a root of its own: installs, builds, runs the
# demo and the quick tests; the tables of both studies must have the bytes that they have here. As root; half an hour each.
#
#   scripts/check-platforms.sh [--full] [debian12] [debian13]     debian13 if none is named; --full: all but the long tests
#
# Before a release, and whenever set-up, includes or CMake change.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "check-platforms: $*"; }
die() { echo "check-platforms: $*" >&2; exit 2; }

tests=(-L quick)
platforms=()
for word; do
    case $word in
        --full) tests=() ;;
        debian12 | debian13) platforms+=("$word") ;;
        *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | head -n 6 >&2; exit 2 ;;
    esac
done
[ ${#platforms[@]} -gt 0 ] || platforms=(debian13)
reason=$(scripts/bare-root.sh why-not)
[ -z "$reason" ] || die "$reason"
[ -z "$(git status --porcelain)" ] || die "what is not committed would not be checked: commit or stash it first"

work=$(mktemp -d -t check-platforms-XXXXXX)
trap 'rm -rf "$work"' EXIT

say "the demo on this machine"
scripts/demo.sh "$work/here" >"$work/here.log" 2>&1 || { tail -n 40 "$work/here.log"; die "the demo fails on this machine"; }

in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C scripts/bare-root.sh run "$@"; }

fail() { tail -n 60 "$log"; say "$*; all that was said is in $log"; exit 1; }

# check NAME: what a newcomer there does.
check() {
    local root=$work/$1 log=build/check-platforms/$1.log begin=$SECONDS
    mkdir -p "$(dirname "$log")"
    say "$1: the base"
    scripts/bare-root.sh make "$root" "$1"
    in_root "$root" /root sh -c 'apt-get -q update && apt-get -q install -y --no-install-recommends ca-certificates' >"$log" 2>&1 ||
        fail "$1: apt fails"
    # What this machine trusts beside the usual: the certificate of a proxy, say.
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    in_root "$root" /root update-ca-certificates >>"$log" 2>&1
    git clone -q --no-local . "$root/root/repal"
    say "$1: scripts/demo.sh, after $((SECONDS - begin)) s"
    in_root "$root" /root/repal scripts/demo.sh >>"$log" 2>&1 || fail "$1: the demo fails"
    say "$1: the demo has ended, after $((SECONDS - begin)) s"
    for study in attractors neurotasks; do
        cmp "$work/here/$study/dissimilarity.csv" "$root/root/repal/results/demo/$study/dissimilarity.csv" ||
            fail "$1: $study has other bytes than here"
    done
    say "$1: both studies have the bytes that they have here; now scripts/test.sh ${tests[*]}"
    in_root "$root" /root/repal scripts/test.sh "${tests[@]}" >>"$log" 2>&1 || fail "$1: tests fail"
    grep -E 'tests passed|Skipped|Not Run' "$log" || true
    say "$1: passed, after $((SECONDS - begin)) s"
    rm -rf "$root"
}

for platform in "${platforms[@]}"; do
    check "$platform"
done
