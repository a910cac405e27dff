"""What OneDrive's connector says."""

from __future__ import annotations

from collections.abc import Mapping

SAID: Mapping[str, str] = {
    "onedrive.token_unread": "The token file {file} cannot be read ({reason:said}).",
    "onedrive.token_refused": "OneDrive refuses the token in {file}: the program that writes it has to renew it.",
    "onedrive.client_id": (
        "OneDrive needs the id of your own app registration: set client_id in the source's options (docs/onedrive.md "
        "shows how to get one in five minutes)."
    ),
    "onedrive.sign_in_failed": "Signing in did not work: {answer}",
    "onedrive.nobody": "Nobody is signed in to OneDrive{who:one}. Run: keepone login onedrive",
    "onedrive.nobody_plain": "Nobody is signed in to OneDrive. Run: keepone login onedrive",
    "onedrive.several": "Several accounts are signed in ({names}); set account in the source's options to one of them.",
    "onedrive.sign_in_service": "Microsoft's sign-in service does not answer properly now ({answer}); try again later.",
    "onedrive.expired": "The sign-in to OneDrive has expired. Run: keepone login onedrive",
    "onedrive.sign_in_away": "The sign-in service cannot be reached; KeepOne tries again when you are online.",
    "onedrive.sign_in_later": "The sign-in service does not answer properly now; try again later.",
    "onedrive.sign_in_other": (
        "Something answers for the sign-in service, or the kept sign-in is damaged; try again later. If it stays so, "
        "check tenant in the source's options and run: keepone login onedrive"
    ),
    "onedrive.no_photo": "{name} is no photo in OneDrive any more.",
    "onedrive.changed": "{name} was changed in OneDrive since it was looked at.",
    "onedrive.changed_reading": "{name} was changed in OneDrive while it was read.",
    "onedrive.no_download": "OneDrive gives no download of {name}.",
    "onedrive.read_only": "{source} is set to read_only; take that out of its options to move photos.",
    "onedrive.link_expired": "OneDrive's download link has expired.",
    "onedrive.not_delivered": "OneDrive's content host does not deliver this ({status}).",
    "onedrive.content_later": "OneDrive's content host does not answer properly now; try again later.",
    "onedrive.not_https": "OneDrive names a download address that is not https.",
    "onedrive.other_range": "OneDrive's content host answers another range than it was asked for.",
    "onedrive.fewer_bytes": "OneDrive's content host delivers fewer bytes than it says.",
    "onedrive.live_photo": (
        "This is a Live Photo: OneDrive delivers its picture without the movie, so bytes cannot be compared."
    ),
    "onedrive.other_size": "OneDrive lists {size:,} bytes and delivers {total:,}; this copy is not to be trusted.",
    "onedrive.time_used": "The time for this run is used up; the next run goes on from here.",
    "onedrive.wait": "OneDrive asks to wait {minutes:.0f} minutes; the next run goes on from here.",
    "onedrive.other_drive": (
        "{source} is now signed in to another OneDrive than before. Sign in to the former account, or add this one "
        "as a new source."
    ),
    "onedrive.begins_again": "OneDrive begins its list of changes again and again; try later.",
    "onedrive.no_root": "OneDrive's list lacks the root of the drive; it is not believed. Try again later.",
    "onedrive.unnamed_folder": "OneDrive lists photos in a folder that it does not name.",
    "onedrive.photo_gone": "OneDrive has this photo no longer.",
    "onedrive.in_bin": "This photo is in OneDrive's recycle bin.",
    "onedrive.meanwhile": "{name} was changed or moved in OneDrive meanwhile.",
    "onedrive.no_folder": "{path} is not a folder in OneDrive.",
    "onedrive.lacks_folder": "OneDrive has no folder {path}.",
    "onedrive.not_in_bin": "{name} is no longer in OneDrive's recycle bin.",
    "onedrive.restored_unsure": "OneDrive does not say whether it brought the photo back; try again later.",
    "onedrive.no_version": "OneDrive names no version of {name}; it is not touched.",
    "onedrive.exists": "{name} exists there already.",
    "onedrive.again": "{name} changes in OneDrive again and again.",
    "onedrive.photo_or_folder_gone": "OneDrive has this photo, or its folder, no longer.",
    "onedrive.locked": "{name} is locked in OneDrive; somebody has it open.",
    "onedrive.may_only_read": "KeepOne may only read this OneDrive. To let it move photos: keepone login onedrive",
    "onedrive.report_name": "{name} is no name for a report.",
    "onedrive.report_large": "The report {name} is larger than {limit:,} bytes; split it.",
    "onedrive.report_taken": "OneDrive has too many foreign files named like {path}.",
    "onedrive.report_kept": "The report {path} could not be uploaded; the same report lies on this machine.",
    "onedrive.report_here": "KeepOne may only read this OneDrive, so the summary lies on this machine only.",
    "onedrive.other_host": "OneDrive's answer leads to another host ({host}); it was not followed.",
    "onedrive.busy": "OneDrive is busy; the next run goes on from here.",
    "onedrive.answer_lost": "The answer of OneDrive was lost; whether it did what it was asked is being looked up.",
    "onedrive.later": "OneDrive does not answer properly now; try again later.",
    "onedrive.sign_in_again": "OneDrive wants you to sign in again. Run: keepone login onedrive",
    "onedrive.full": "This OneDrive is full; make room there first.",
    "onedrive.said_no": "OneDrive said no ({status}): {message:said}",
    "onedrive.no_preview": "OneDrive has no preview of this photo.",
    "onedrive.preview_no_picture": "OneDrive's preview of this photo is no picture.",
    "onedrive.preview_not_fetched": "OneDrive's preview of this photo cannot be fetched.",
    "onedrive.changed_or_moved": "{name} was changed or moved in OneDrive since it was looked at.",
    "onedrive.companion_gone": "A companion of {name} is gone from OneDrive; the photo stays with the rest.",
    "onedrive.companion_changed": "{part}, which belongs to {name}, was changed or moved meanwhile.",
    "onedrive.no_free_name": "{folder} has no free name for {name}.",
    "onedrive.companions_stay": (
        "{name} has companions, and this account's recycle bin gives nothing back: move it instead."
    ),
    "onedrive.only_moves": "OneDrive only moves photos and puts them into its recycle bin.",
    "onedrive.gone": "{name} is gone from OneDrive; its recycle bin may have it.",
    "onedrive.companion_look": "A companion of {name} is gone from OneDrive; look at {target} yourself.",
    "onedrive.bin_by_hand": "This account gives nothing back by program: open OneDrive's recycle bin in the browser.",
    "onedrive.no_tags": "OneDrive keeps no tags.",
}

WITHIN: Mapping[str, str] = {
    "onedrive.as": " as {account}",
    "onedrive.this_item": "This item",
    "onedrive.no_reason": "no reason given",
}
"""Words that stand inside other sentences only."""
