"""How facts are written for people: names that are safe to show, sizes, and the difference to the keeper."""

from __future__ import annotations

import unicodedata
from datetime import datetime

MINUS = "−"  # U+2212, as wide as the digits beside it
UNKNOWN = "–"
_FRACTIONS = ((1 / 4, "¼"), (1 / 3, "⅓"), (1 / 2, "½"), (2 / 3, "⅔"), (3 / 4, "¾"))
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_STEPS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def readable(text: str) -> str:
    r"""The text with everything that cannot be shown written out: bytes that are not UTF-8 as `\xff`, line breaks as
    `\n`, control and direction marks as `\u202e`. A name that is only meant to look like another is seen through."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in " \u3000" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(char) in ("Zs", "Cf") and code in (0xA0, 0x200D):
        return char  # a no-break space, and what joins emoji
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def bytes_text(size: int) -> str:
    """4 200 000 as "4.2 MB": decimal units, as file managers and disks are labelled."""
    for unit, name in _UNITS:
        if abs(size) >= unit:
            return f"{_short(size / unit)} {name}"
    return f"{size} byte{'' if abs(size) == 1 else 's'}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def signed(text: str, value: float) -> str:
    """`text` of an absolute value with a true sign before it; "" when there is no difference."""
    return "" if not value else f"{'+' if value > 0 else MINUS}{text}"


def bytes_delta(size: int, keeper: int) -> str:
    """ "−4.2 MB": how much smaller or larger than the keeper, "" when equal."""
    return signed(bytes_text(abs(size - keeper)), size - keeper)


def pixels_delta(size: tuple[int, int], keeper: tuple[int, int]) -> str:
    """ "½ size", "2 × size", or "−1.2 MP" when the proportions differ, as after a crop; "" when equal or unknown. A
    quarter turn is no difference."""
    if min(*size, *keeper) < 1:
        return ""
    (short, long), (keeper_short, keeper_long) = sorted(size), sorted(keeper)
    if (short, long) == (keeper_short, keeper_long):
        return ""
    scale = long / keeper_long
    if abs(scale - short / keeper_short) > 0.02 * scale:
        pixels = size[0] * size[1] - keeper[0] * keeper[1]
        return signed(f"{abs(pixels) / 1e6:.1f} MP", pixels)
    return _scale_text(scale)


def _scale_text(scale: float) -> str:
    for value, sign in _FRACTIONS:
        if abs(scale - value) < 0.01 * value:
            return f"{sign} size"
    if scale >= 1.5:
        return f"{scale:.1f}".removesuffix(".0") + " × size"
    return f"{percent(scale)} size" if abs(scale - 1) >= 0.005 else "same size, a few pixels off"


def time_text(moment: datetime | None) -> str:
    """ "2024-06-18 10:44:23.120", fractions only where they are known."""
    if moment is None:
        return UNKNOWN
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}" if moment.microsecond else text


def minute_text(moment: datetime | None) -> str:
    """ "2024-06-18 10:44": for times that files have, of which the seconds tell nobody anything."""
    return UNKNOWN if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def time_delta(moment: datetime | None, keeper: datetime | None) -> str:
    """ "+2.1 s", "−3 h": how much later or earlier than the keeper; "" when equal or one is unknown."""
    if moment is None or keeper is None:
        return ""
    seconds = (moment.replace(tzinfo=None) - keeper.replace(tzinfo=None)).total_seconds()
    for step, name in _STEPS:
        if abs(seconds) >= step:
            return signed(f"{abs(seconds) / step:.0f} {name}", seconds)
    return signed(f"{abs(seconds):.3g} s", seconds)


def percent(share: float) -> str:
    """0.4 as "40 %"."""
    return f"{share * 100:.0f} %"


def count_text(number: int, one: str, many: str = "") -> str:
    """ "1 group", "9 groups"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
