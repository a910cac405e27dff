"""What the connector of Apple Photos says."""

from __future__ import annotations

from collections.abc import Mapping

SAID: Mapping[str, str] = {
    "photos.of_another": "{key} is a photo of {other}, not of {source}.",
    "photos.readable": "{path} can be read (model {model}).",
    "photos.no_answer": "Photos did not answer in {seconds:.0f} seconds: is it asking something? {who:one}",
    "photos.no_osascript": "osascript cannot be run ({reason:said}).",
    "photos.answers": "Photos {version} answers. {who:one}",
    "photos.access_not": (
        "Access {status:one}. In System Settings > Privacy & Security > Photos choose Full Access. {who:one}"
    ),
    "photos.tag_only": "{name} is not the system's library: KeepOne can tag in it, and not delete.",
    "photos.granted": "Access is granted, and {name} is the system's library. {who:one}",
    "photos.keyword": "{label} is a keyword, not an album.",
    "photos.not_taken": "Photos did not take it into the album. Try again.",
    "photos.leave_access": (
        "Taking a photo out of the album {album} needs access to Photos. Allow it in System Settings > Privacy & "
        "Security > Photos, or take it out by hand."
    ),
    "photos.not_left": "Photos did not take the photo out of {album}. Try again.",
    "photos.not_renewed": "The album {album} could not be renewed and was left as it is. Try again.",
    "photos.changed": "{name} was changed in Photos since it was looked at. Scan again.",
    "photos.no_preview": "{name} has no preview on this machine. Look at it once in Photos, and scan again.",
    "photos.no_verb": "{source} knows no {verb}.",
    "photos.recently_deleted": (
        "{name} is in Recently Deleted, and no program can take it out. Do it in Photos: Recently Deleted > Recover."
    ),
    "photos.not_in": "{key} is not in {library} any more, or in its trash. Scan again.",
    "photos.cannot_change": "{source} cannot be changed from here: {why:one}.",
    "photos.in_icloud": "The original of {name} is only in iCloud. Open it once in Photos, which downloads it.",
    "photos.not_here": "The original of {name} is not on this machine.",
    "photos.by_person": "Photos are only deleted when a person asks for it, in a terminal or on the page.",
    "photos.cannot_delete": "{source} cannot delete: it is read_only, or this is no Mac.",
    "photos.not_system": (
        "{library} is not the system's library, and only from that can photos be deleted. Tag them into an album "
        "instead, or make it the system's library: Photos > Settings > Use as System Photo Library."
    ),
    "photos.changed_or_gone": "{name} changed or is gone. Scan again.",
    "photos.keeper_changed": "{keeper}, which was to stay for {name}, changed or is gone. Scan again.",
    "photos.keeper_goes": "{keeper}, which was to stay for {name}, is to be deleted itself.",
    "photos.favourite": "{name} is a favourite, shared or protected: it stays.",
    "photos.burst": "{name} stands for a whole burst, which would go with it: it stays.",
    "photos.edit": "{name} has an edit of its own: it stays.",
    "photos.lacks": "{name} has something that {keeper} lacks ({parts:list}): it stays.",
    "photos.keeper_nowhere": "The original of {name}, which was to stay, is neither here nor in iCloud.",
    "photos.no_fingerprint": "{name} has no fingerprint, so nothing is proved about its bytes.",
    "photos.other_file": "The file of {name} is not what Photos has recorded: it is damaged or was changed.",
    "photos.not_shown_yet": "Photos said yes, and its library does not show it yet. Look into it later.",
    "photos.osxphotos": "Reading Photos needs osxphotos. Run: {command}",
    "photos.no_library_known": (
        "The system's Photos library is not known here. Write its path into the source's options."
    ),
    "photos.album_gone": "The album is not in Photos any more.",
    "photos.album_gone_again": "The album is not in Photos any more. Run it again to have a new one.",
    "photos.only_some": "The system's library has {found:d} of these {wanted:d} photos. Nothing was done.",
    "photos.pyobjc": "This needs pyobjc-framework-Photos ({error}). {command}",
    "photos.said_no": "You said no. Nothing was changed.",
    "photos.may_not_change": (
        "Photos may not be changed. Allow it in System Settings > Privacy & Security > Photos (Full)."
    ),
    "photos.one_gone": "One of the photos is not in the system's library any more. Nothing was changed.",
    "photos.one_refused": "Photos does not allow this change on one of the photos. Nothing was changed.",
    "photos.too_many": "These are more photos than Photos changes at once. Take fewer.",
    "photos.did_not": "Photos did not do it ({reason}). Nothing was changed; try again.",
    "photos.not_understood": (
        "The database of {library} cannot be understood ({error}). Open the library once in Photos; if that does not "
        "help, look for a newer KeepOne."
    ),
    "photos.other_name": "The photo {key} is called {found} in Photos, not {name}. Is another library open there?",
    "photos.field": "Photos did not take the new {field:one}. Try again in a minute.",
    "photos.album_quote": "The album name {name} has a quote in it. Make that album by hand in Photos.",
    "photos.not_let": "Photos does not let the photo {key} be changed: it is gone, or only shared.",
    "photos.photoscript": "Changing Photos needs photoscript ({error}). {command}",
    "photos.automation": (
        "Photos may not be controlled by {program}. In System Settings > Privacy & Security > Automation, switch "
        "Photos on below the program that runs KeepOne."
    ),
    "photos.question": "Photos did not answer in time. Look whether it shows a question, and try again.",
    "photos.not_handed_out": "Photos does not hand this item out: it is gone, or it is only shared with you.",
    "photos.not_running": "Photos is not running and could not be started. Open it, and try again.",
    "photos.not_started": "Photos did not start in time, or somebody said no. Open it, and try again.",
    "photos.could_not": "Photos could not do it ({reason}). Try again in a minute.",
    "photos.busy": "Photos is busy writing to {library}. Try again in a minute.",
    "photos.damaged": (
        "The database of {library} cannot be read ({error}): it is damaged or was copied by half. Open the library "
        "once in Photos, or copy it again while Photos is closed."
    ),
    "photos.newer": (
        "{library} was written by a version of Photos that KeepOne does not know (model {model}). Look for a newer "
        "KeepOne: {command}"
    ),
    "photos.no_library": "There is no Photos library at {path}. Connect its disk, or correct the path.",
    "photos.old_library": "{library} is of Photos 4 or older. Open it once in a newer Photos, which converts it.",
    "photos.not_a_library": "{path} is no Photos library: it has no database/Photos.sqlite. Name another folder.",
    "photos.full_disk_access": (
        "{library} may not be read. In System Settings > Privacy & Security > Full Disk Access, switch on the "
        "program that runs KeepOne (a terminal, or {program} when launchd starts it)."
    ),
    "photos.no_room": "No room in {folder} for a copy of the database. Make room, and try again.",
    "photos.not_now": "{library} cannot be read now: {reason:said}.",
    "photos.other_open": "Photos has {other} open. Open {library} there, and try again.",
    "photos.explained_terminal": (
        "{detail:one} The switch is that of your terminal; for jobs that launchd starts it is that of {program}."
    ),
    "photos.explained_launchd": (
        "{detail:one} The switch is that of {program}, because launchd started it; after an update of Python flip it "
        "again."
    ),
}

WITHIN: Mapping[str, str] = {
    "photos.who_launchd": (
        "The switch is that of {program}, because launchd started it; after an update of Python flip it again."
    ),
    "photos.who_terminal": "The switch is that of your terminal; for jobs that launchd starts it is that of {program}.",
    "photos.read_only": "it is set to read_only",
    "photos.mac_only": "Photos runs on a Mac only",
    "photos.status.never": "was never asked",
    "photos.status.limited": "is limited to some photos",
    "photos.status.unknown": "is unknown",
    "photos.status.restricted": "is restricted",
    "photos.status.denied": "is denied",
    "photos.status.granted": "is granted",
}
"""Words that stand inside other sentences only."""
