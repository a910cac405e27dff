"""What one picture may cost, known to those who decode and to those who only hand files to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one picture may cost: pixels of the whole picture, bytes of memory of one worker."""

    max_pixels: int = 200_000_000
    memory: int = 1 << 30

    @property
    def longest(self) -> int:
        """Bytes of the longest file that is held in memory and decoded."""
        return self.memory // 4


LIMITS = Limits()


def too_long(size: int, limits: Limits) -> str:
    """Why a file of `size` bytes is not decoded."""
    return f"The file has {size >> 20} MB; files over {limits.longest >> 20} MB are not decoded."
