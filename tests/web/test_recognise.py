"""Sentences of ours that come as plain text are known again, every one of them, and nothing else is."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import dedupe_core
from dedupe_app.web.catalogue import TEMPLATES, WITHIN
from dedupe_app.web.recognise import LONGEST, Template, recognised, recognised_notes, template_of
from dedupe_core.sentences import SENTENCES, Said, said

HOME = Path(dedupe_core.__file__).parent.parent
PLACES = [
    *(HOME / "connectors").glob("*.py"),
    *(HOME / "connectors" / "local").glob("*.py"),
    *(HOME / "connectors" / "onedrive").glob("*.py"),
    *(HOME / "connectors" / "photos").glob("*.py"),
    *(HOME / "dedupe_core").rglob("*.py"),
    *(HOME / "dedupe_app" / "inference").glob("client.py"),
    *(HOME / "dedupe_app").glob("job*.py"),
]
ERRORS = {
    "Unreadable",
    "ConnectorError",
    "Unsupported",
    "NotFound",
    "Changed",
    "Refused",
    "SignInRequired",
    "Unavailable",
    "Answered",
    "Taken",
    "Missing",
    "UnknownKind",
    "Unsafe",
    "PlanError",
    "PlanRefused",
    "JournalError",
    "Locked",
    "StoreError",
    "ModelError",
    "EngineError",
}
"""Errors whose text is what the page shows of them."""
LAST = {"outcome": 2, "_stays": 4, "_not_done": 4, "_take_back": 4, "Answered": 2, "Look": -1, "Unread": 1, "Check": 2}
"""Which argument of a call is the sentence, where it is not the first."""
NOTES = {"_settle", "_finish_step", "_finish_undo", "_epitaph", "_over", "_reason", "_away", "too_long", "hand_in"}
"""Functions that answer or yield such a sentence."""
KEPT = {"notes", "trouble"}
"""Lists of sentences to which a run adds."""
OTHERS = {
    "dedupe_core/report.py",  # what a report on the command line says
    "dedupe_core/rules.py",
    "dedupe_core/store/vectors.py",
}
PASSED_ON = {"7: 7"}
"""What is only handed on: the sentence in it has its template where it is made."""
WORDS_OF_OURS = {
    "which": "the photo that stays",
    "noun": "groups",
    "connectors/local/options.py who": "a photo library that its own program manages",
    "connectors/onedrive/auth.py who": " as anna@example.org",
    "guess": " Did you mean 'local'?",
    "size": "4 × 3 pixels",
    "minutes": "it was asked to stop",
    "explained(said)": "Photos did not answer in time. Look whether it shows a question, and try again.",
    "NAMES.get(status, 'is unknown')": "is unknown",
    "advice": "In System Settings > Privacy & Security > Photos choose Full Access.",
    "job.action": "move",
    "shape": "shape [2, 3] to 4 pictures",
    "why": "it is set to read_only",
    "who()": "The switch is that of your terminal; for jobs that launchd starts it is that of /usr/bin/python3.",
    "field": "keywords",
    "hint": "Install KeepOne again: pip install --force-reinstall keepone",
}
"""Values in the source that are always words of ours."""
SAMPLES = {
    **WORDS_OF_OURS,
    "local.managed who": "a photo library that its own program manages",
    "onedrive.nobody who": " as anna@example.org",
    "who": WORDS_OF_OURS["who()"],
    "detail": WORDS_OF_OURS["explained(said)"],
    "action": "move",
    "step": "Check the path.",
    "key": "the cap of unattended jobs",
    "source.unknown_key guess": "It knows: path, exclude.",
    "status": "is denied",
}
"""The same by the names that they have in templates."""
NASTY = (
    "IMG_1.jpg",
    "<b onclick=x>&amp;",
    "{name} {0} {",
    "two\nlines\r\n",
    "a, b; c: d (e). f",
    "ä ö ü 日本 \u202e",
    "7",
    *[text for text in (*TEMPLATES.values(), *SENTENCES.values()) if isinstance(text, str) and "{" not in text][::12],
)


def pieces() -> Iterator[tuple[str, ast.expr]]:
    """(place, sentence) of every sentence that is written into an error, an outcome or a note."""
    for file in PLACES:
        name = file.relative_to(HOME).as_posix()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))) if name not in OTHERS else ():
            found = list(called(node)) if isinstance(node, ast.Call) and node.args else []
            if isinstance(node, ast.FunctionDef) and node.name in NOTES:
                ends = (one for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield))
                found = [one.value for one in ends if one.value is not None]
            yield from ((f"{name}:{one.lineno}", one) for one in found)


def called(node: ast.Call) -> Iterator[ast.expr]:
    """The sentences that a call is given."""
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    holder = getattr(getattr(node.func, "value", None), "attr", "")
    if name in ERRORS or name in LAST or (name == "append" and holder in KEPT):
        keyed = [one.value for one in node.keywords if one.arg == "error"]
        yield from keyed or [one for at, one in enumerate(node.args) if at == LAST.get(name, 0)]


def constants(file: Path) -> dict[str, str]:
    """Texts that a module has a name for."""
    named = (node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.Assign))
    found = ((node.targets[0], node.value) for node in named)
    return {
        name.id: value.value
        for name, value in found
        if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def written() -> Iterator[tuple[str, str]]:
    """(place, an example) of each of them that is written there as a text; values are figures, which any value can
    be."""
    for place, node in pieces():
        for text in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
            if isinstance(text, ast.JoinedStr) and any(isinstance(part, ast.Constant) for part in text.values):
                yield place, "".join(example(part, place) for part in text.values)
            elif isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
                yield place, text.value


def example(part: ast.expr, place: str) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    told, file = ast.unparse(part.value), place.partition(":")[0]
    known = {**WORDS_OF_OURS, **constants(HOME / file)}
    if f"{file} {told}" in known or told in known:
        return known.get(f"{file} {told}") or known[told]
    if part.format_spec is None:
        return "7"
    kind = "".join(str(one.value) for one in ast.walk(part.format_spec) if isinstance(one, ast.Constant))
    return format(7, kind)


def filled(template: Template, *values: str) -> tuple[str, dict[str, object]]:
    """A template with these values where it takes any text, as the text and as what has to be found."""
    english = {**TEMPLATES, **WITHIN}[template.code]
    given: dict[str, object] = {}
    wanted: dict[str, object] = {}
    for number, (name, kind) in enumerate(zip(template.names, template.kinds, strict=True)):
        if kind in ("", "said", "list"):
            given[name] = values[number % len(values)]
            wanted[name] = tuple(str(given[name]).split(", ")) if kind == "list" else given[name]
        elif kind == "one":
            given[name] = wanted[name] = one_of(template, name)
        else:
            given[name] = wanted[name] = 1_234 if kind in ("d", ",") else 7
    plain = re.sub(r"\{(\w+):(?:said|one|list)\}", r"{\1}", english)
    return plain.format(**given), wanted


def one_of(template: Template, name: str) -> str:
    return SAMPLES.get(f"{template.code} {name}") or SAMPLES[name]


ALL = [template_of(code, text) for code, text in TEMPLATES.items()]


def test_every_sentence_that_the_source_says_has_its_template() -> None:
    found = list(written())
    assert len(found) > 250
    unknown = sorted({(place, text) for place, text in found if text not in PASSED_ON and not code_of(text)})
    assert not unknown


def code_of(text: str) -> str:
    return str(getattr(recognised(text), "code", ""))


def code_in(told: object, *names: str) -> str:
    """The code of a value within a value."""
    for name in names:
        assert isinstance(told, Said), name
        told = told.values[name]
    return str(getattr(told, "code", ""))


def test_no_template_is_of_a_sentence_that_nobody_says() -> None:
    """The literal pieces of each stand in the source, one after the other."""
    source = "\n".join(
        _without_breaks(file.read_text("utf-8"))
        for folder in ("connectors", "dedupe_core", "feedback", "dedupe_app")
        for file in (HOME / folder).rglob("*.py")
        if "catalogue" not in file.parts
    )
    missing = []
    for code, text in {**TEMPLATES, **WITHIN}.items():
        longest = max(template_of(code, text).literals, key=len)
        if len(longest) > 3 and longest.strip() not in source:
            missing.append((code, longest))
    made_of_parts = {
        "step.later_as",
        "onedrive.nobody_plain",
        "photos.access_not",
        "work.parked_late",
        "work.parked_asked",
        "service.shape",
    }
    ours = [one for one in missing if not one[0].startswith("system.")]
    assert {code for code, _ in ours} == made_of_parts


def _without_breaks(code: str) -> str:
    """A long text stands on several lines, in pieces."""
    return re.sub(r'"\s*\n\s*f?"', "", code).replace("\\'", "'")


def test_a_sentence_with_plain_values_is_found_again_and_no_other_swallows_it() -> None:
    wrong = []
    for template in ALL:
        for values in (("IMG_1.jpg",), ("Trips/2024", "Anna"), ("7",)):
            text, wanted = filled(template, *values)
            told = recognised(text)
            if not isinstance(told, Said) or (told.code, told.values) != (template.code, wanted) or told != text:
                wrong.append((template.code, text, code_of(text)))
    assert not wrong


def test_hostile_values_come_back_as_they_are_or_the_text_stays_plain() -> None:
    """Whatever a value says, no other value and no other sentence is read out of it."""
    wrong, plain, tried = [], 0, 0
    for template in ALL:
        for value in NASTY if template.names else ():
            text, wanted = filled(template, value, "x")
            told = recognised(text)
            tried, plain = tried + 1, plain + (not isinstance(told, Said))
            if isinstance(told, Said) and (told.code, told.values) != (template.code, wanted):
                wrong.append((template.code, text, told.code, told.values))
    assert not wrong
    assert plain < tried / 20, "nearly all are found all the same"


def test_markup_braces_and_lines_do_not_keep_a_sentence_from_being_found() -> None:
    unclear = []
    for template in ALL:
        for value in NASTY[:4]:
            text, _ = filled(template, value, value)
            if code_of(text) != template.code and "list" not in template.kinds:
                unclear.append((template.code, value))
    assert not unclear


def test_what_can_be_read_in_two_ways_stays_as_it_is() -> None:
    clear = "a.jpg and b.jpg are one file reached by two ways: there is nothing to put away."
    assert code_of(clear) == "step.one_file"
    unclear = "salt and pepper and b.jpg are one file reached by two ways: there is nothing to put away."
    assert recognised(unclear) is unclear


def test_a_name_with_a_comma_is_no_trouble_where_only_one_reading_is_a_sentence() -> None:
    told = recognised("Anna, Ben.jpg, the photo that goes, is not there any more. Scan again.")
    assert isinstance(told, Said)
    assert told.values["name"] == "Anna, Ben.jpg"


def test_other_peoples_texts_stay_as_they_are() -> None:
    for text in ("", "x", "raw", "move", "7", "Permission denied", "Error 500: <b>no</b>", "{name}", "a: b", "; ; "):
        assert recognised(text) is text


def test_the_words_of_the_system_are_known_in_small_letters_too() -> None:
    told = recognised("/disk cannot be reached (no such file or directory). Connect the disk, or correct the path.")
    assert isinstance(told, Said)
    assert code_in(told, "reason") == "system.missing"


def test_sentences_within_a_sentence_are_found_too() -> None:
    text = "IMG.jpg, the photo that stays, cannot be looked at: Permission denied."
    told = recognised(text)
    assert isinstance(told, Said)
    assert code_in(told, "reason") == "system.denied"
    lost = f"{text} It could not be brought back either: The disk is full. Bring it back with: keepone undo"
    outer = recognised(lost)
    assert isinstance(outer, Said)
    assert (outer.code, code_in(outer, "reason")) == ("step.lost", "step.cannot_look")


def test_a_sentence_with_a_code_gets_those_of_the_texts_in_it() -> None:
    """Damage comes without its full stop, and a name that reads like a sentence stays a name."""
    held = recognised(said("hold.damaged", what="The file has no end mark: its last part may be missing"))
    assert code_in(held, "what") == "file.no_end"
    broken = said("value.damage", what="Incomplete: the picture's data end too early")
    reason = said("reason.both", rule=Said("undamaged", "rule.undamaged"), ours=said("value.whole"), theirs=broken)
    above = recognised(said("reason.above", why=reason))
    assert code_in(above, "why", "theirs", "what") == "file.incomplete"
    pixels = said("reason.both", rule=Said("larger picture", "rule.pixels"), ours="kept apart by you", theirs="x")
    assert recognised(pixels) is pixels


def test_a_note_of_several_sentences_is_found_piece_by_piece() -> None:
    parked = "parked, because it was asked to stop; the next run goes on"
    away = "/photos is not there. Connect the disk or the share, and try again."
    told = recognised_notes(f"my; disk: {away}; {parked}", ["my; disk"])
    assert told == f"my; disk: {away}; {parked}"
    assert isinstance(told, Said)
    assert (told.code, code_in(told, "what"), code_in(told, "more")) == (
        "edge.also",
        "step.at",
        "work.parked_asked",
    )
    foreign = f"{parked}; what a library says of itself"
    assert recognised_notes(foreign) is foreign


@pytest.mark.parametrize(
    "text", [": " * 1990, ". : " * 990, "; " * 1990, "a, b: c. d (e) " * 250 + "Try again in 3 s."]
)
def test_a_long_and_hostile_text_costs_little(text: str) -> None:
    """Counted in steps of the processor, far from what trying every way would take."""
    began = time.process_time()
    recognised(text)
    recognised_notes(text, ["a", ":"])
    assert time.process_time() - began < 2
    assert recognised("x" * LONGEST + " was never read") == "x" * LONGEST + " was never read"
