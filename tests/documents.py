"""Pages, receipts and chats of one layout with other words: what every hash and every encoder takes for copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "all",
    "her",
    "she",
    "there",
    "would",
    "their",
    "we",
    "him",
    "been",
    "has",
    "when",
    "who",
    "will",
    "no",
    "more",
    "if",
    "out",
    "so",
    "up",
    "said",
    "what",
    "its",
    "about",
    "than",
    "into",
    "them",
    "can",
    "only",
    "other",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "first",
    "then",
    "do",
    "any",
    "like",
    "my",
    "now",
    "over",
    "such",
    "our",
    "man",
    "me",
    "even",
    "most",
    "made",
    "after",
    "also",
    "did",
    "many",
    "off",
    "before",
    "must",
    "well",
    "back",
    "through",
    "years",
    "much",
    "where",
    "your",
    "way",
    "down",
    "should",
    "because",
    "long",
    "each",
    "just",
    "state",
    "those",
    "people",
    "too",
    "mr",
    "little",
    "good",
    "very",
    "make",
    "world",
    "still",
    "see",
    "own",
    "work",
    "men",
    "day",
    "get",
    "here",
    "old",
    "life",
    "both",
    "between",
    "being",
    "under",
    "three",
    "never",
    "know",
    "same",
    "last",
    "another",
    "while",
    "us",
    "might",
    "great",
    "year",
    "come",
    "since",
    "against",
    "go",
    "came",
]


def page(seed: int) -> Image.Image:
    """A printed page: a heading and forty lines of words."""
    pick = np.random.default_rng(seed)
    sheet, pen = _sheet(827, 1169)
    pen.text((80, 70), _words(pick, 4).title(), fill=20, font=_font(30))
    for line in range(40):
        pen.text((80, 140 + line * 24), _words(pick, 11), fill=30, font=_font(17))
    return sheet.convert("RGB")


def receipt(seed: int) -> Image.Image:
    """A till receipt: one shop, other goods and prices."""
    pick = np.random.default_rng(seed)
    sheet, pen = _sheet(480, 1000)
    pen.text((120, 40), "CORNER SHOP", fill=10, font=_font(34))
    pen.text((120, 90), "12 High Street", fill=40, font=_font(20))
    prices = pick.integers(49, 2499, 22) / 100
    for line, price in enumerate(prices):
        pen.text((40, 150 + line * 32), _words(pick, 2), fill=30, font=_font(22))
        pen.text((360, 150 + line * 32), f"{price:7.2f}", fill=30, font=_font(22))
    pen.text((40, 890), "TOTAL", fill=10, font=_font(28))
    pen.text((340, 890), f"{prices.sum():8.2f}", fill=10, font=_font(28))
    return sheet.convert("RGB")


def chat(seed: int) -> Image.Image:
    """A screenshot of a conversation: bubbles to the left and right."""
    pick = np.random.default_rng(seed)
    screen = Image.new("RGB", (590, 1278), (236, 229, 221))
    pen = ImageDraw.Draw(screen)
    pen.rectangle((0, 0, 590, 90), fill=(7, 94, 84))
    pen.text((90, 30), "Anna", fill=(255, 255, 255), font=_font(30))
    for line in range(11):
        ours = bool(pick.integers(0, 2))
        left = 150 if ours else 30
        colour = (220, 248, 198) if ours else (255, 255, 255)
        pen.rounded_rectangle((left, 110 + line * 104, left + 410, 196 + line * 104), 16, fill=colour)
        for row in range(2):
            pen.text((left + 16, 122 + line * 104 + row * 32), _words(pick, 6), fill=(20, 20, 20), font=_font(22))
    return screen


KINDS: dict[str, Callable[[int], Image.Image]] = {"page": page, "receipt": receipt, "chat": chat}


def write(folder: Path, count: int) -> list[Path]:
    """`count` of each kind as JPEG files."""
    made = []
    for kind, draw in KINDS.items():
        for seed in range(count):
            made.append(folder / f"{kind}-{seed:03d}.jpg")
            draw(1000 * list(KINDS).index(kind) + seed).save(made[-1], quality=85)
    return made


def _sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("L", (width, height), 246)
    return sheet, ImageDraw.Draw(sheet)


def _words(pick: np.random.Generator, count: int) -> str:
    return " ".join(WORDS[int(place)] for place in pick.integers(0, len(WORDS), count))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
