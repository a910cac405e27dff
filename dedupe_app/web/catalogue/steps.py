"""What is said of the steps of a plan: why one did not happen, and how an interrupted one was settled."""

from __future__ import annotations

from collections.abc import Mapping

SAID: Mapping[str, str] = {
    "step.brought_back": "It was brought back. To put it away again, make a new plan.",
    "step.unsettled": "An earlier write on it is not settled yet.",
    "step.protected": "It lies in a protected folder.",
    "step.not_done": "The source did not do it; run it again.",
    "step.stopped": "The run was stopped.",
    "step.later": "{reason:said} The next start of KeepOne settles it.",
    "step.later_as": "{reason:said} ({error:said}) The next start of KeepOne settles it.",
    "step.came_back": "{reason:said} It was brought back at once.",
    "step.lost": "{reason:said} It could not be brought back either: {error:said} Bring it back with: keepone undo",
    "step.place_taken": "Its place was taken; it came back as {path}.",
    "step.place_taken_at": "Its place was taken; it is at {path}.",
    "step.place_taken_as": "{reason:said} Its place was taken; it is at {path}.",
    "step.source_away": "Its source {source} is not set up now.",
    "step.no_source": "The source {source} is not set up now.",
    "step.no_source_of": "The source {source} of {which:one} is not set up now.",
    "step.never_read": "The bytes of {name} were never read: nothing is known to be equal.",
    "step.protected_photo": "{name} lies in a protected folder.",
    "step.other_bytes": "{name} no longer holds the bytes that were compared. Scan again.",
    "step.cannot_read": "{name} cannot be read: {reason:said}.",
    "step.gone": "{name}, {which:one}, is not there any more. Scan again.",
    "step.cannot_look": "{name}, {which:one}, cannot be looked at: {reason:said}.",
    "step.changed": "{name}, {which:one}, changed since the plan was made. Scan again and make a new plan.",
    "step.one_file": "{name} and {keeper} are one file reached by two ways: there is nothing to put away.",
    "step.companion": "{name} and {keeper} share a companion file: they go together or not at all.",
    "step.lacks": (
        "{name} has a companion ({parts:list}) that {keeper} lacks: it stays. Keep that one, or decide by hand."
    ),
    "step.went_away": "{path} went away at this moment. Scan again.",
    "step.keeper_goes": "{name}, which was to be kept, is put away by the same plan. Make a new plan.",
    "step.keeper_going": "{name}, which was to be kept, is itself being put away by another plan.",
    "step.not_exact": "{name} is called an exact copy, but its bytes are others. Make a new plan.",
    "step.relied_on": "{name} is what plan {plan} kept for another photo: it stays.",
    "settle.away": "{key}: a write on it is not settled; its source {source} is not set up now.",
    "settle.not_yet": "{key}: a write on it is not settled yet: {error:said}",
    "settle.did_not": "It was interrupted and did not happen.",
    "settle.at_place": "{key}: an interrupted write was found; the photo is at its place.",
    "settle.taken_back": "{key}: an interrupted write was found and taken back: {error:said}",
    "settle.complete": "{key}: an interrupted write was found complete; it is in the journal now.",
    "settle.undone": "{key}: an interrupted undo was finished; the photo is at {path}.",
    "journal.no_receipt": "The journal has no receipt for {key}.",
    "journal.cannot_write": (
        "The journal cannot be written ({error:said}); nothing more was touched. Make room in the data folder, then "
        "run it again."
    ),
    "run.stopped": "Stopped as you asked; what was done is in the journal, and the same command goes on from here.",
    "plan.altered": "Plan {plan} was altered after it was made. Make a new one: keepone plan",
    "plan.old": "Plan {plan} is {days:.0f} days old. Make a new one: keepone plan",
    "plan.over_cap": (
        "Plan {plan} would put away {photos:,} photos of {size:.1f} GB; the cap is {items:,} photos and {most:.0f} "
        "GB. Plan less, or raise planning.max_items and planning.max_bytes."
    ),
    "plan.by_hand": "Plan {plan} holds photos that only a person may decide on. Apply it by hand.",
    "plan.no_groups": "There are no groups yet. Look for them first: keepone scan",
    "plan.too_many": "{photos:,} photos would go, more than {key:said} = {items:,}. {narrower:said}",
    "plan.too_much": "{size} would go, more than {key:said} = {most}. {narrower:said}",
    "plan.cannot_restore": "{source} cannot bring photos back itself; look into its own trash.",
}

WITHIN: Mapping[str, str] = {
    "which.stays": "the photo that stays",
    "which.goes": "the photo that goes",
    "part.word.live_video": "live_video",
    "part.word.raw": "raw",
    "part.word.jpeg": "jpeg",
    "part.word.edit": "edit",
    "part.word.burst": "burst",
    "plan.narrower": "Plan less at a time, or raise it.",
    "plan.unattended_cap": "the cap of unattended jobs",
}
"""Words that stand inside other sentences only."""
