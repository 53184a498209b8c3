"""Every source includes what it uses and nothing after an import, so that it builds with the next standard library, too."""

import os
import pathlib
import subprocess
import unittest

from includes import late_includes, missing_includes

SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])


def sources():
    """All C++ of the project, as git knows it; in a tree without git, what is there."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
                             "*.cpp", "*.cppm", "*.hpp"], capture_output=True, text=True)
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    files = [SOURCE / name for name in names if name and (SOURCE / name).exists()]
    return files or [file for folder in ("modules", "plugins", "apps", "bench", "tests")
                     for file in (SOURCE / folder).rglob("*.[ch]pp*")]


class Sources(unittest.TestCase):
    maxDiff = None

    def test_every_source_includes_the_standard_headers_that_it_uses(self):
        found = []
        for file in sources():
            own = file.with_suffix(".hpp")
            interface = own.read_text() if file.suffix == ".cpp" and own.exists() else ""
            found += [f"{file.relative_to(SOURCE)}: {what}" for what in missing_includes(file.read_text(), interface)]

        self.assertGreater(len(sources()), 200)
        self.assertEqual(found, [])

    def test_no_source_includes_anything_after_an_import(self):
        found = [f"{file.relative_to(SOURCE)}: {what}" for file in sources() for what in late_includes(file)]

        self.assertEqual(found, [])


class Check(unittest.TestCase):
    """That the check finds what it is for."""

    def test_names_need_their_header_wherever_they_stand(self):
        self.assertEqual(missing_includes("#include <vector>\nstd::vector<std::string> x;"), ["std::string needs <string>"])
        self.assertEqual(missing_includes("#include <algorithm>\nauto x = std::ranges::max(y);"), [])
        self.assertEqual(missing_includes("auto x = std::ranges::max(y);"), ["std::ranges::max needs <algorithm>"])
        self.assertEqual(missing_includes("std::pair<int, int> x;", interface="#include <map>"), [])
        self.assertIn("add it", missing_includes("std::something_new x;")[0])

    def test_a_loop_over_braces_needs_the_list(self):
        loop = "for (const int signal : {1, 2}) use(signal);"

        self.assertEqual(missing_includes(loop), ["a loop over {...} needs <initializer_list>"])
        self.assertEqual(missing_includes("#include <initializer_list>\n" + loop), [])

    def test_comments_and_strings_use_nothing(self):
        self.assertEqual(missing_includes('// std::vector\n/* std::map */ auto x = "std::set \\" std::list";'), [])
        self.assertEqual(missing_includes('auto x = "//"; std::vector<int> y;'), ["std::vector needs <vector>"])

    def test_an_include_after_an_import_is_found_through_our_own_headers(self):
        files = {"a.cpp": '#include "b.hpp"\n#include "c.hpp"\n', "b.hpp": "import repal.error;\n", "c.hpp": "#include <chrono>\n",
                 "d.cpp": "#include <chrono>\nimport repal.error;\n", "e.cpp": "import repal.error;\n#include <chrono>\n"}

        class File(pathlib.PurePosixPath):
            def exists(self):
                return str(self) in files

        def found(name):
            return late_includes(File(name), lambda file: files[str(file)])

        self.assertEqual(found("a.cpp"), ['"c.hpp" after an import', "<chrono> after an import of c.hpp"])
        self.assertEqual(found("d.cpp"), [])
        self.assertEqual(found("e.cpp"), ["<chrono> after an import"])


if __name__ == "__main__":
    unittest.main()
