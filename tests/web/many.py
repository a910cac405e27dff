"""A library of as many groups as wanted, written straight into the store: what lists and pages cost does not depend on
how the groups were found. There are no files behind it; pictures are placeholders."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dedupe_app.config import Config, Loaded, SourceConfig
from dedupe_app.web.desk import Desk
from dedupe_core.model import Edge, Evidence, Relation, Signature
from dedupe_core.sentences import Said, packed, said, share_of
from dedupe_core.store import Store
from dedupe_core.store.codec import dumps, edge_to_json, seconds, signature_facts

START = datetime(2015, 1, 1, 9)
CAMERAS = ("Canon EOS 7D", "Apple iPhone 12", "Google Pixel 6", "")
LARGER, OLDER = Said("larger picture", "rule.pixels"), Said("older", "rule.oldest")
REASONS = (
    said("reason.both", rule=LARGER, ours="4032 × 3024", theirs="1600 × 1200"),
    said("reason.both", rule=OLDER, ours="2019-06-15 10:41:30", theirs="2021-07-25 10:41:30"),
)
KINDS: tuple[Relation, ...] = ("exact", "exact", "near", "pixels", "similar", "series")


def many_groups(folder: Path, groups: int, relation: Relation | None = None, seed: int = 1) -> Config:
    """Fill the data folder `folder` with so many groups of two to four photos, all of one `relation` if it is given."""
    photos = folder.with_name(folder.name + "-photos")
    photos.mkdir(parents=True, exist_ok=True)
    source = SourceConfig(name="photos", kind="local", options={"path": str(photos)})
    config = Config(data=folder, sources=(source,))
    with Store(folder) as store, store.transaction():
        store.assets.remember_source(source.name, source.kind, source.options)
        _Writer(store, random.Random(seed)).write(groups, relation)
    return config


def desk_of_many(folder: Path, groups: int, relation: Relation | None = None) -> Desk:
    """A desk on such a library."""
    config = many_groups(folder, groups, relation)
    return Desk(Loaded(config, None, {}), config)


class _Writer:
    def __init__(self, store: Store, dice: random.Random) -> None:
        self.store = store
        self.dice = dice
        self.assets: list[tuple[Any, ...]] = []
        self.signatures: dict[int, tuple[Any, ...]] = {}
        self.groups: list[tuple[Any, ...]] = []
        self.members: list[tuple[Any, ...]] = []

    def write(self, groups: int, relation: Relation | None) -> None:
        run = self.store.runs.begin()
        for number in range(groups):
            self.group(run, number, relation or KINDS[number % len(KINDS)])
        db = self.store.db
        columns = "id, source, key, revision, name, folder, size, facts, content, seen"
        db.executemany(f"INSERT INTO asset ({columns}) VALUES (?, 1, ?, '1', ?, ?, ?, ?, ?, 1)", self.assets)
        query = (
            "INSERT INTO signature (id, content, recipe, phashes, taken, camera, facts) VALUES (?, ?, 9, ?, ?, ?, ?)"
        )
        db.executemany(query, self.signatures.values())
        db.executemany("INSERT INTO grp VALUES (?, ?, ?, ?, ?, ?, ?)", self.groups)
        db.executemany("INSERT INTO member VALUES (?, ?, ?, ?, ?)", self.members)
        self.store.runs.finish(run, "many", {})

    def group(self, run: int, number: int, relation: Relation) -> None:
        dice = self.dice
        count = dice.choice((2, 2, 3, 4))
        first = len(self.assets) + 1
        taken = START + timedelta(minutes=37 * number)
        content = self.content(first)
        name = hashlib.sha256(content.encode()).hexdigest()[:10]
        for row in range(first, first + count):
            mine = content if relation == "exact" else self.content(row)
            self.photo(row, mine, taken, row > first)
            away = relation in ("exact", "pixels", "near")
            role = "keep" if row == first else "drop" if away else "review"
            self.members.append((run, name, row, role, "" if role == "keep" else packed(dice.choice(REASONS))))
        edges = (
            [] if relation == "exact" else [self.edge(first, row, relation) for row in range(first + 1, first + count)]
        )
        score = 1.0 if relation in ("exact", "pixels") else round(dice.uniform(0.6, 1), 3)
        self.groups.append((name, run, relation, first, score, packed(dice.choice(REASONS)), dumps(edges)))

    def photo(self, row: int, content: str, taken: datetime, copy: bool) -> None:
        dice = self.dice
        folder = f"WhatsApp/{taken:%Y}" if copy else f"Pictures/{taken:%Y/%m}"
        name = f"IMG_{row:06d}.jpg"
        size = dice.randint(200_000, 1_500_000 if copy else 6_000_000)
        key = f"{folder}/{name}".encode()
        self.assets.append((row, key, name.encode(), folder.encode(), size, dumps({"modified_at": 1.6e9}), content))
        wide = 1600 if copy else 4032
        facts = signature_facts(
            Signature(
                content, "JPEG", wide, wide * 3 // 4, b"", 50, 9, 0.1, taken_at=taken, camera=dice.choice(CAMERAS)
            )
        )
        known = (row, content, b"\0" * 256, seconds(taken), "", dumps(facts))
        self.signatures.setdefault(hash(content), known)

    def edge(self, a: int, b: int, relation: Relation) -> dict[str, Any]:
        evidence = Evidence(distance=self.dice.randint(0, 40), inliers=90, overlap_a=1.0, overlap_b=1.0, blocks=60)
        agreement = said("agree.blocks", n=60, share=share_of(self.dice.randint(80, 99) / 100))
        told = said("edge.near", how=(said("how.smaller", share=share_of(0.4)),), agreement=agreement)
        return edge_to_json(Edge(a, b, relation, 0.97, evidence, "equal", told))

    def content(self, row: int) -> str:
        return "sha256:" + hashlib.sha256(str(row).encode()).hexdigest()
