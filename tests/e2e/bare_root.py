"""A distribution with nothing but its base in a folder of the build tree, to which a test can change its root."""

import os
import pathlib
import subprocess

SCRIPT = pathlib.Path(os.environ["REPAL_SOURCE"]) / "scripts" / "bare-root.sh"
FOLDER = pathlib.Path(os.environ["REPAL_BUILD"]) / "tests" / "bare-roots"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def why_not():
    """Why there can be no bare root here; empty if there can."""
    return subprocess.run([SCRIPT, "why-not"], check=True, capture_output=True, text=True).stdout.strip()


def make(name, *packages):
    """The folder, with these packages beside the base; filled from the mirror that apt uses here, once."""
    folder = FOLDER / "-".join([name, *packages])
    if not folder.exists():
        made = subprocess.run([SCRIPT, "make", folder, name, *packages], capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(made.stdout + made.stderr)
    return folder


def run(root, command, folder="/", **environment):
    """The command there, with nothing of this environment; what it mounts and starts ends with it."""
    return subprocess.run([SCRIPT, "run", root, folder, *map(str, command)], text=True, capture_output=True, timeout=600,
                          env={**ENVIRONMENT, **environment})
