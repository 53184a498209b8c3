"""The Python package over the library that was built, for tests."""

import os
import pathlib
import sys

from program import SOURCE

BUILD = pathlib.Path(os.environ["REPAL_BUILD"])
LIBRARY = BUILD / "lib" / "librepal_c.so"
PACKAGE = SOURCE / "python"
os.environ["REPAL_LIBRARY"] = str(LIBRARY)
sys.path.insert(0, str(PACKAGE))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
