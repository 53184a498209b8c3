"""The graph of imports, from the import lines of sources."""

import collections
import pathlib
import re

# Imports point upwards in this list only: a folder may import those before it.
FLOORS = [
    "modules/core", "modules/linalg", "modules/interface", "modules/config", "modules/store", "modules/host/isolation",
    "modules/host", "modules/host/conformance", "modules/host/worker", "modules/statistics", "modules/report",
    "modules/work", "modules/comparison", "modules/rnn", "modules/studies/attractors", "modules/studies/neurotasks",
    "modules/studies", "plugins", "apps", "bench"]
# What a plugin may import, as one with an installed repal may.
OF_PLUGINS = {"modules/core", "modules/linalg", "modules/interface", "plugins"}

MODULE = re.compile(r"^(?:export\s+)?module\s+([\w.]+)(:[\w.]+)?\s*;", re.MULTILINE)
IMPORT = re.compile(r"^(?:export\s+)?import\s+([\w.]*)(:[\w.]+)?\s*;", re.MULTILINE)
INTERFACE = re.compile(r"^export\s+module\s", re.MULTILINE)


def floor_of(file):
    """The longest of FLOORS that the path begins with; None if there is none."""
    path = pathlib.PurePath(file).as_posix() + "/"
    return max((floor for floor in FLOORS if path.startswith(floor + "/")), key=len, default=None)


class Graph:
    """Of sources, {path: text}. A module is its interface with its bodies and partitions."""

    def __init__(self, sources):
        self.folder = {}  # of the interface of a module
        self.imports = collections.defaultdict(set)
        self.lines = []  # (file, module that it belongs to or None, imported module)
        for file, text in sources.items():
            own = MODULE.search(text)
            if own and not own[2] and INTERFACE.search(text):
                self.folder[own[1]] = floor_of(file)
            for module, partition in IMPORT.findall(text):
                if not module:  # a partition of its own module
                    continue
                self.lines.append((file, own[1] if own else None, module))
                if own and own[1] != module:
                    self.imports[own[1]].add(module)

    def cycles(self):
        """Modules that import each other in a circle, as one of the circles."""
        done, path = set(), []

        def visit(module):
            if module in path:
                return path[path.index(module):] + [module]
            if module in done:
                return None
            path.append(module)
            found = next((circle for other in sorted(self.imports[module]) if (circle := visit(other))), None)
            path.pop()
            done.add(module)
            return found
        return next((circle for module in sorted(self.folder) if (circle := visit(module))), None)

    def wrong_ways(self):
        """Imports of a floor above, or by a plugin of what it cannot see."""
        found = []
        for file, _, module in self.lines:
            if module not in self.folder:
                continue
            here, there = floor_of(file), self.folder[module]
            if here is None or there is None:
                continue
            if FLOORS.index(there) > FLOORS.index(here) or (here == "plugins" and there not in OF_PLUGINS):
                found.append(f"{file} imports {module} of {there}")
        return found
