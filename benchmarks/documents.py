"""Documents: pages, receipts and chats of one layout with other words, through the real stages.

    python benchmarks/documents.py [--count 80]

With 80 of each kind there are 9,480 pairs of one layout. Prints how many were proposed and joined; a joined pair
makes the exit status 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from connectors.local import LocalConnector
from connectors.local.options import LocalOptions
from dedupe_core.engine import Engine
from dedupe_core.model import NoFeedback, Silent
from dedupe_core.neighbours import neighbours
from dedupe_core.pipeline import run
from dedupe_core.settings import Settings
from dedupe_core.store import Store
from tests.documents import KINDS, write


def main() -> int:
    """Draw, scan, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=80)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder, Engine() as engine:
        write(Path(folder), count)
        store, box = Store(None), LocalConnector("papers", LocalOptions(path=Path(folder)))
        run(store, [box], {"papers": box}, engine, Settings(), NoFeedback(), Silent())
        proposed = len(neighbours(store, Settings(), Silent()))
        joined = sum(1 for choice in store.runs.choices() for _ in combinations(choice.group.members, 2))
    of_one_layout = len(KINDS) * count * (count - 1) // 2
    print(f"{of_one_layout} pairs of one layout: {proposed} proposed by their hashes, {joined} joined")
    return 1 if joined else 0


if __name__ == "__main__":
    sys.exit(main())
