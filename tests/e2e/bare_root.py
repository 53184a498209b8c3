"""A Debian or Ubuntu with nothing but its base in a folder of the build tree, to which a test can change its root."""

import os
import pathlib
import shutil
import subprocess
import tempfile

FOLDER = pathlib.Path(os.environ["REPAL_BUILD"]) / "tests" / "bare-root"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def why_not():
    """Why there can be no bare root here; empty if there can."""
    if os.geteuid() != 0:
        return "changing the root needs root"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        return "root may not mount here"
    if not FOLDER.exists() and not shutil.which("debootstrap"):
        return "there is no debootstrap"
    return ""


def make():
    """The folder; filled from the mirror that apt uses here, once."""
    if not FOLDER.exists():
        with open("/etc/os-release") as file:
            codename = dict(line.rstrip().split("=", 1) for line in file if "=" in line)["VERSION_CODENAME"].strip('"')
        targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)",
                                  "Created-By: Packages"], check=True, capture_output=True, text=True).stdout
        mirror = next(line.split()[0] for line in targets.splitlines() if line.split()[1:] == [codename])
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.mkdtemp(prefix="bare-root-")  # debootstrap takes no blank in a path
        try:
            os.chmod(unfinished, 0o755)
            made = subprocess.run(["debootstrap", "--variant=minbase", codename, unfinished, mirror],
                                  capture_output=True, text=True)
            if made.returncode != 0:
                raise RuntimeError(f"debootstrap from {mirror}: {made.stdout[-2000:]}{made.stderr[-2000:]}")
            # From another file system it takes a while: it has its name when it is whole.
            moved = FOLDER.with_name(f"{FOLDER.name}.{os.getpid()}")
            subprocess.run(["mv", unfinished, moved], check=True)
            os.rename(moved, FOLDER)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return FOLDER


def run(root, command, folder="/", **environment):
    """The command there, with nothing of this environment; what it mounts ends with it."""
    script = 'mount -t proc proc "$1/proc" && exec chroot "$1" /bin/sh -c \'cd "$0" && exec "$@"\' "$2" "${@:3}"'
    return subprocess.run(["unshare", "--mount", "bash", "-c", script, "bash", root, folder, *map(str, command)],
                          text=True, capture_output=True, timeout=600, env={**ENVIRONMENT, **environment})
