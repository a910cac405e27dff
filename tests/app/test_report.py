"""The HTML report: complete, honest about what it leaves out, and deaf to what names try to say."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from connectors.base import FAVORITE, Features, Part
from dedupe_core.engine import Engine
from dedupe_core.model import Photo, Relation
from dedupe_core.report import Facts, ReportError, SourceFacts, write_html
from dedupe_core.thumbs import CHANGED, DOWNLOAD, NOT_CONNECTED, cache_file, placeholder, thumbnail, thumbnails
from tests.app.gallery_for_reports import TAKEN, Folder, Gallery

FACTS = Facts(("exact", "pixels", "near"))
HOSTILE = '"><script>alert(1)</script>&amp;\n\u202egpj.exe\udcff\x07.jpg'


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.shown: list[str] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.shown).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(workers=1) as running:
        yield running


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path / "photos")


def written(gallery: Gallery, engine: Engine, facts: Facts = FACTS, limit: int = 1000) -> Page:
    out = gallery.root.parent / "report.html"
    write_html(gallery.choices, gallery.lookup, gallery.connectors, out, facts, engine, limit=limit)
    return Page(out.read_text(encoding="utf-8"))


def test_a_report_needs_nothing_but_itself(gallery: Gallery, engine: Engine) -> None:
    gallery.group("exact", gallery.photo("a.jpg"), (gallery.photo("b.jpg"),))
    page = written(gallery, engine)
    assert all(image["src"].startswith("data:image/webp;base64,") for image in page.all("img"))
    assert not page.all("link")
    assert all("src" not in script for script in page.all("script"))
    assert all(link["href"].startswith("file:///") for link in page.all("a"))


def test_only_our_own_script_may_run(gallery: Gallery, engine: Engine) -> None:
    gallery.group("exact", gallery.photo("a.jpg"), (gallery.photo("b.jpg"),))
    html = (written(gallery, engine), (gallery.root.parent / "report.html").read_text("utf-8"))[1]
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    for part, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{part} 'sha256-{digest}'" in policy.replace("&#39;", "'")
    assert policy.startswith("default-src ")
    assert "unsafe" not in policy


def test_names_are_shown_as_they_are_and_never_obeyed(gallery: Gallery, engine: Engine) -> None:
    try:
        row = gallery.photo(f"<b>folder</b>/{HOSTILE.replace('/', '')}")
    except OSError:
        pytest.skip("this file system refuses such names")
    gallery.group("exact", gallery.photo("a.jpg"), (row,), reason=HOSTILE, reasons={row: HOSTILE})
    page = written(gallery, engine, Facts(("exact",), (SourceFacts(HOSTILE, "x", 1, 1),), title=HOSTILE))
    assert len(page.all("script")) == 1
    assert not page.all("b") or all(not attributes for attributes in page.all("b"))
    assert "<script>alert(1)<script>" in page.text
    assert r"\n\u202egpj.exe\xff\x07.jpg" in page.text
    assert "\u202e" not in page.text


def test_a_link_to_a_strange_name_opens_that_very_file(gallery: Gallery, engine: Engine) -> None:
    name = os.fsdecode(b"caf\xe9 #1?.jpg")
    gallery.group("exact", gallery.photo("a.jpg"), (gallery.photo(name),))
    links = [link["href"] for link in written(gallery, engine).all("a")]
    assert any(link.endswith("/caf%E9%20%231%3F.jpg") for link in links)


def test_the_keeper_comes_first_and_roles_are_said_in_words(gallery: Gallery, engine: Engine) -> None:
    drop, keep, review = gallery.photo("1.jpg"), gallery.photo("2.jpg"), gallery.photo("3.jpg", 5)
    gallery.group("near", keep, (drop,), (review,), reason="Larger picture: 4032 × 3024 against 1600 × 1200.")
    page = written(gallery, engine)
    roles = [item["class"] for item in page.all("li") if "photo" in item.get("class", "")]
    assert roles == ["photo keep", "photo drop", "photo review"]
    for words in ("Keep", "Put away", "You decide", "Larger picture: 4032 × 3024 against 1600 × 1200."):
        assert words in page.text


def test_equal_fields_are_said_once_and_differing_ones_with_their_delta(gallery: Gallery, engine: Engine) -> None:
    keep = gallery.photo("a.jpg", 1, (160, 120), taken_at=TAKEN, camera="Nikon D750", jpeg_quality=95, exif_fields=40)
    drop = gallery.photo(
        "b.jpg", 1, (80, 60), taken_at=TAKEN + timedelta(hours=2), camera="Nikon D750", jpeg_quality=60, exif_fields=3
    )
    gallery.group("near", keep, (drop,), sentence="Same picture, smaller copy: 96 % of blocks agree.")
    text = written(gallery, engine).text
    assert "Same: format, camera (2)" in text
    assert "½ size" in text
    assert "60 −35" in text
    assert "3 fields −37" in text
    assert "2024-06-18 12:44:23.120 +2 h" in text
    assert "Same picture, smaller copy: 96 % of blocks agree." in text
    assert text.count("Nikon D750") == 0


def test_size_resolution_and_path_are_never_hidden(gallery: Gallery, engine: Engine) -> None:
    gallery.group("exact", gallery.photo("here/a.jpg"), (gallery.photo("there/a.jpg"),))
    page = written(gallery, engine)
    text = page.text
    size = gallery.photos[1].asset.size
    assert text.count("160 × 120") == 2
    assert text.count(f"{size / 1000:.1f} kB · ") == 2
    assert "Pictures: here" in text
    assert "Pictures: there" in text
    assert [link["title"] for link in page.all("a")] == [
        str(gallery.root / place / "a.jpg") for place in ("here", "there")
    ]


def test_lanes_are_summed_with_what_companions_free(gallery: Gallery, engine: Engine) -> None:
    part = Part("live_video", "b.mov", "1", 5_000_000)
    gallery.group(
        "exact", gallery.photo("a.jpg"), (gallery.photo("b.jpg", parts=(part,), flags=frozenset({FAVORITE})),)
    )
    gallery.group("series", gallery.photo("c.jpg", 3), (), (gallery.photo("d.jpg", 4),))
    text = written(gallery, engine).text
    assert "You can free 5.0 MB by putting away 1 photo." in text
    assert re.search(r"Identical the same bytes: safe to accept in bulk 1 2 1 5\.0 MB", text)
    assert re.search(r"Bursts & sets shots of one series: pick the best 1 2 – –", text)
    assert "Live Photo" in text
    assert "favourite" in text


def test_a_report_says_how_many_groups_it_left_out(gallery: Gallery, engine: Engine) -> None:
    for number in range(7):
        gallery.group("exact", gallery.photo(f"{number}a.jpg", number), (gallery.photo(f"{number}b.jpg", number),))
    gallery.group("near", gallery.photo("n.jpg", 9), (gallery.photo("m.jpg", 9),))
    page = written(gallery, engine, limit=4)
    assert len(page.all("article")) == 4
    assert "This page shows 4 groups, those that free most first; 4 groups are left out." in page.text
    assert {article["data-lane"] for article in page.all("article")} == {"identical", "same"}


def test_a_full_lane_never_hides_another(gallery: Gallery, engine: Engine) -> None:
    keep, other = gallery.photo("a.jpg"), gallery.photo("b.jpg")
    there: dict[Relation, int] = {"exact": 30, "near": 3, "similar": 8, "series": 1}
    for relation, count in there.items():
        for _ in range(count):
            gallery.group(relation, keep, (other,))
    lanes = [article["data-lane"] for article in written(gallery, engine, limit=16).all("article")]
    assert {lane: lanes.count(lane) for lane in lanes} == {"identical": 6, "same": 3, "similar": 6, "sets": 1}


def test_zero_means_all_groups(gallery: Gallery, engine: Engine) -> None:
    keep, drop = gallery.photo("a.jpg"), gallery.photo("b.jpg")
    for _ in range(40):
        gallery.group("exact", keep, (drop,))
    page = written(gallery, engine, limit=0)
    assert len(page.all("article")) == 40
    assert "left out" not in page.text


def test_a_report_tells_which_levels_ran_and_what_could_not_be_read(gallery: Gallery, engine: Engine) -> None:
    broken = gallery.photo("broken.jpg", error="The file ends early: 1200 of 40000 bytes.")
    source = SourceFacts("Disk", "local", 3, 10, None, "unavailable", "The folder is not there.")
    facts = Facts(("exact", "near"), (source,), ((gallery.photos[broken], gallery.photos[broken].error),), ("A note.",))
    text = written(gallery, engine, facts).text
    assert "Looked for exact, near" in text
    assert "Not looked for pixels, similar, series" in text
    assert "1 photo could not be read Pictures: broken.jpg The file ends early: 1200 of 40000 bytes." in text
    assert "never scanned · unavailable: The folder is not there." in text
    assert "A note." in text
    assert "No duplicates were found." in text


def test_a_member_that_went_away_leaves_the_rest_of_its_group(gallery: Gallery, engine: Engine) -> None:
    gone = gallery.photo("gone.jpg")
    gallery.group("exact", gallery.photo("a.jpg"), (gallery.photo("b.jpg"), gone))
    del gallery.photos[gone]
    assert "Group 1: 2 identical files" in written(gallery, engine).text


def test_a_report_is_never_written_over_a_photo(gallery: Gallery, engine: Engine) -> None:
    gallery.photo("a.jpg")
    before = (gallery.root / "a.jpg").read_bytes()
    with pytest.raises(ReportError, match=r"a\.html"):
        write_html([], gallery.lookup, gallery.connectors, gallery.root / "a.jpg", FACTS, engine)
    assert (gallery.root / "a.jpg").read_bytes() == before


def test_a_report_is_whole_or_not_there(gallery: Gallery, engine: Engine, tmp_path: Path) -> None:
    gallery.group("exact", gallery.photo("a.jpg"), (gallery.photo("b.jpg"),))

    class Disk(Exception):
        """It goes away in the middle."""

    def once(rows: Iterable[int], asked: list[int] = []) -> Mapping[int, Photo]:  # noqa: B006 counts its calls
        asked.append(1)
        if len(asked) > 1:
            raise Disk
        return gallery.lookup(rows)

    out = tmp_path / "report.html"
    out.write_text("the report of yesterday")
    with pytest.raises(Disk):
        write_html(gallery.choices, once, gallery.connectors, out, FACTS, engine)
    assert out.read_text() == "the report of yesterday"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["report.html"]


def test_a_folder_that_is_not_there_is_said_in_a_sentence(gallery: Gallery, engine: Engine) -> None:
    with pytest.raises(ReportError, match="cannot be written"):
        write_html([], gallery.lookup, {}, gallery.root / "nowhere" / "r.html", FACTS, engine)


def test_a_thumbnail_is_small_upright_and_drawn_once_for_one_content(
    gallery: Gallery, engine: Engine, tmp_path: Path
) -> None:
    rows = [gallery.photo("a.jpg", 2, (640, 480)), gallery.photo("b.jpg", 2, (640, 480))]
    photos = [gallery.photos[row] for row in rows]
    drawn = thumbnails(photos, gallery.connectors, 100, tmp_path / "cache", engine)
    assert drawn[rows[0]] == drawn[rows[1]]
    assert _size(drawn[rows[0]], tmp_path) == (100, 75)
    assert len(list((tmp_path / "cache").rglob("*.webp"))) == 1


def test_a_cached_thumbnail_needs_no_photo(gallery: Gallery, engine: Engine, tmp_path: Path) -> None:
    photo = gallery.photos[gallery.photo("a.jpg", 2)]
    first = thumbnails([photo], gallery.connectors, 100, tmp_path, engine)
    (gallery.root / "a.jpg").unlink()
    assert thumbnails([photo], gallery.connectors, 100, tmp_path, engine) == first
    assert thumbnail(gallery.folder, photo.asset, photo.content, 100, tmp_path) == first[photo.row]


def test_a_photo_that_changed_is_not_shown_as_what_it_was(gallery: Gallery, engine: Engine, tmp_path: Path) -> None:
    photo = gallery.photos[gallery.photo("a.jpg", 2)]
    gallery.photo("a.jpg", 7)
    drawn = thumbnails([photo], gallery.connectors, 100, tmp_path, engine)
    assert drawn[photo.row] == placeholder(CHANGED, 100)
    assert thumbnail(gallery.folder, photo.asset, photo.content, 100, tmp_path) == placeholder(CHANGED, 100)
    assert not cache_file(tmp_path, photo.content, 100).exists()


@pytest.mark.parametrize(
    ("error", "features", "connected", "reason"),
    [
        ("The file ends early.", Features(), True, "The file ends early."),
        ("", Features(), False, NOT_CONNECTED),
        ("", Features(reads=False), True, DOWNLOAD),
    ],
)
def test_what_cannot_be_shown_is_a_frame_with_the_reason(
    gallery: Gallery, engine: Engine, error: str, features: Features, connected: bool, reason: str
) -> None:
    photo = gallery.photos[gallery.photo("a.jpg", error=error)]
    connectors = {"Pictures": Folder(gallery.root, features)} if connected else {}
    assert thumbnails([photo], connectors, 120, None, engine) == {photo.row: placeholder(reason, 120)}


def test_a_source_without_files_is_drawn_from_its_bytes(gallery: Gallery, engine: Engine, tmp_path: Path) -> None:
    photo = gallery.photos[gallery.photo("a.jpg", 2)]
    remote = Folder(gallery.root, paths=False)
    assert _size(thumbnails([photo], {"Pictures": remote}, 100, None, engine)[photo.row], tmp_path) == (100, 75)
    assert remote.opened == ["a.jpg"]


def test_a_cache_that_cannot_be_written_costs_no_picture(gallery: Gallery, engine: Engine, tmp_path: Path) -> None:
    photo = gallery.photos[gallery.photo("a.jpg", 2)]
    (tmp_path / "cache").write_text("a file where the folder should be")
    drawn = thumbnails([photo], gallery.connectors, 100, tmp_path / "cache", engine)
    assert _size(drawn[photo.row], tmp_path) == (100, 75)


def _size(picture: bytes, folder: Path) -> tuple[int, int]:
    (folder / "thumb.webp").write_bytes(picture)
    with Image.open(folder / "thumb.webp") as image:
        assert image.format == "WEBP"
        return image.size
