"""What the exit status of `keepone` says. Scripts rely on these numbers: they never change."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Any other status means failure too."""

    OK = 0
    ERROR = 1
    USAGE = 2
    SOME_FAILED = 3
    NOTHING_TO_DO = 4
    TEMPORARY = 5
    SIGN_IN = 7
    DUPLICATES = 10
    LOCKED = 11
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "done",
    Exit.ERROR: "it did not work; the sentence on stderr says why and what to do",
    Exit.USAGE: "the command line or the configuration is wrong",
    Exit.SOME_FAILED: "finished, but some items failed; they are listed",
    Exit.NOTHING_TO_DO: "there was nothing to do (only with --fail-if-empty)",
    Exit.TEMPORARY: "a source cannot be reached now; try again later",
    Exit.SIGN_IN: "a source needs a login first",
    Exit.DUPLICATES: "duplicates were found (only with --check)",
    Exit.LOCKED: "another KeepOne is at work on this data folder",
    Exit.INTERRUPTED: "interrupted; what was done is saved",
}
