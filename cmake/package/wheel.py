"""Packs a folder with the package as a wheel: wheel.py FOLDER TARGET. scripts/wheel.sh calls it."""

import base64
import csv
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import zipfile

STARTS_THE_PROGRAM = """#!python
import importlib.util
import os
import sys

folder = importlib.util.find_spec("repal").submodule_search_locations[0]
program = os.path.join(folder, "engine", "bin", "repal")
os.execv(program, [program, *sys.argv[1:]])
"""
TAG = "py3-none-manylinux_{}_{}_x86_64"


def glibc_of(folder):
    """The least glibc, (2, 28), that all files there can be loaded with."""
    needed = (2, 0)
    for file in folder.rglob("*"):
        if not file.is_file() or file.is_symlink() or "cmake" in file.parts or file.read_bytes()[:4] != b"\x7fELF":
            continue
        printed = subprocess.run(["readelf", "-V", "-W", file], check=True, capture_output=True, text=True).stdout
        # What it needs comes behind what it defines.
        for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", printed.partition("Version needs section")[2]):
            needed = max(needed, (int(major), int(minor)))
    return needed


def main(folder, target):
    program = folder / "repal" / "engine" / "bin" / "repal"
    version = re.search(r"\d[\d.]+", subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout).group()
    tag = TAG.format(*max(glibc_of(folder), (2, 28)))
    readme = (pathlib.Path("docs") / "python.md").read_text()
    info = f"repal-{version}.dist-info"
    extra = {
        f"{info}/METADATA": "\n".join([
            "Metadata-Version: 2.1", "Name: repal", f"Version: {version}", "Summary: How alike are the dynamics of neural systems?",
            "License: see engine/licences and LICENSE", "Requires-Python: >=3.9", "Requires-Dist: numpy>=1.19",
            "Description-Content-Type: text/markdown", "", readme]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: repal\nRoot-Is-Purelib: false\nTag: {tag}\n",
        f"{info}/LICENSE": pathlib.Path("LICENSE").read_text(),
        f"repal-{version}.data/scripts/repal": STARTS_THE_PROGRAM,
    }
    rows = []
    file = target / f"repal-{version}-{tag}.whl"
    part = file.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        def add(name, content, is_executable):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if is_executable else 0o100644) << 16
            wheel.writestr(entry, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append([name, f"sha256={digest}", len(content)])

        # A wheel has no links: a library is there under the name that others load it by.
        links = {found.resolve(): found for found in folder.rglob("*.so.*") if found.is_symlink()}
        for found in sorted(folder.rglob("*")):
            if not found.is_file() or found.is_symlink():
                continue
            named = links.get(found.resolve(), found)
            add(str(named.relative_to(folder)), found.read_bytes(), bool(found.stat().st_mode & 0o100))
        for name, text in extra.items():
            add(name, text.encode(), name.endswith("scripts/repal"))
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows([*rows, [f"{info}/RECORD", "", ""]])
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD", (1980, 1, 1, 0, 0, 0)), written.getvalue(), zipfile.ZIP_DEFLATED)
    part.rename(file)
    print(file)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
