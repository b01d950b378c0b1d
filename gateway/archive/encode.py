"""A process that brings one recording into another form and ends:
``python -m gateway.archive.encode '{"wav": …, "form": …, "files": {party: path}}'``.

It has all the time that the others leave it. What went wrong is its last line to standard error.
"""

import json
import os
import sys
from pathlib import Path

import soundfile

from gateway.archive.formats import FORMS, encode


def main() -> int:
    os.nice(19)
    order = json.loads(sys.argv[1])
    files = {party: Path(path) for party, path in order["files"].items()}
    try:
        encode(Path(order["wav"]), FORMS[order["form"]], files)
    except (OSError, soundfile.SoundFileError) as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
