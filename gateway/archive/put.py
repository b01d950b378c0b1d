"""A process that puts one recording into a bucket and ends: ``python -m gateway.archive.put``.

A process, because obstore's threads and their descriptors stay for as long as the one they are in.
Its order is JSON on standard input, where no other user sees the keys; so is its answer on
standard output: ``{"stored": …}``, ``{"refused": why}`` or ``{"gone": true}``.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from gateway.archive.bucket import Bucket, StorageError


def main() -> None:
    os.nice(19)
    sys.stdout.write(json.dumps(asyncio.run(_answer(json.load(sys.stdin)))))


async def _answer(order: dict[str, Any]) -> dict[str, Any]:
    files = {party: (Path(path), kind) for party, (path, kind) in order["files"].items()}
    try:
        stored = await Bucket(**order["bucket"]).put(files, order["link_s"])
    except StorageError as error:
        return {"refused": str(error)}
    except FileNotFoundError:
        return {"gone": True}
    return {"stored": stored.model_dump(mode="json")}


if __name__ == "__main__":
    main()
