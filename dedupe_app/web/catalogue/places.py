"""What sources say, and folders on disks."""

from __future__ import annotations

from collections.abc import Mapping

SAID: Mapping[str, str] = {
    "source.no_previews": "{source} has no previews.",
    "source.no_delete": "{source} cannot put photos away.",
    "source.no_move": "{source} cannot move photos.",
    "source.no_tag": "{source} cannot tag photos.",
    "source.no_carry": "{source} cannot change what it knows of photos.",
    "source.no_settle": "{source} cannot settle writes.",
    "source.no_restore": "{source} cannot restore photos.",
    "source.no_reports": "{source} keeps no reports.",
    "source.lost": (
        "{source} lists {lost:,} of {known:,} photos no more. Nothing was forgotten. If they really are gone, run: "
        "keepone scan --accept-loss {again}"
    ),
    "source.no_kind": "There is no connector of the kind {kind}.{guess:one}",
    "source.cannot_load": "The connector {kind} cannot be loaded ({error}). {hint:one}",
    "source.no_connector": "The connector {kind} cannot be loaded: {target} is no connector. {hint:one}",
    "source.unknown_key": "Source {source}: {kind} knows no key {key}. {guess:one}",
    "source.missing_key": "Source {source}: the key {key} is missing.",
    "source.wrong_key": "Source {source}: {key} is wrong: {reason:said}.",
    "source.busy": "{source} is busy. Try again in {seconds:g} seconds.",
    "source.not_in": "{key} is not in {source} any more.",
    "source.of_another": "{name} belongs to {other}, not to {source}.",
    "source.broke": "The connection to {source} broke. Try again.",
    "source.tag_folder": "{name} is in {folder:said} already.",
    "local.not_own": "{key} is not a photo of its own in {source} any more.",
    "local.not_in": "{key} of {other} is not in {source}.",
    "local.root_gone": "{root} is not there. Connect the disk or the share, and try again.",
    "local.trashed": "{name} went to the system's trash: take it out there.",
    "local.no_labels": "{source} has no labels.",
    "local.no_reach": "The folder {root} cannot be reached: {reason:said}.",
    "local.not_ours": "{key} lies in a folder that is not for this source to touch.",
    "local.no_photo": "{key} is no photo of {source}.",
    "local.changed": "{name} changed since it was seen. Scan again.",
    "local.companions": "The companions of {name} changed since they were seen. Scan again.",
    "local.moved_since": "{path} changed since it was moved: it stays there.",
    "local.trash_half": "{path} is in the system's trash, but {other} is not.",
    "local.token": "The token {token} was used before.",
    "local.no_token": "{token} is no token.",
    "local.put_back_later": (
        "{path} could not be put back yet ({reason:said}). It is safe in {folder}, and the next start of KeepOne "
        "settles it."
    ),
    "local.changed_now_at": "{path} changed at this moment; what was there now lies at {place}.",
    "local.nowhere": "{path} is no longer in the quarantine, and not at its old place either.",
    "local.went_away": "{name} or its folder went away at this moment. Scan again.",
    "local.stays": "{name} stays where it is: {reason:said}",
    "local.no_path_inside": "{path} is no path inside this folder.",
    "local.not_regular": "{name} is not a regular file.",
    "local.copy_differs": "The copy of {name} reads back different: the disk it went to is not to be trusted.",
    "local.other_owner": "A copy on the other disk would not have the same owner: the photo stays.",
    "local.attribute": "The other disk cannot hold the extended attribute {name}: the photo stays.",
    "local.root_unread": "{root} cannot be read ({reason:said}). Connect the disk or allow access, then scan.",
    "local.root_empty": "{root} is empty: is its disk connected? Nothing was forgotten.",
    "local.root_none": (
        "{root} has none of its {known:,} photos any more: is its disk connected? Nothing was forgotten. If they "
        "really are gone, remove the source."
    ),
    "local.other_volume": (
        "Another volume seems to be mounted at {root}: none of the {known:,} known photos is there. Nothing was "
        "forgotten. If this is right, add it as a source of its own."
    ),
    "local.root_no_reach": "{root} cannot be reached ({reason:said}). Connect the disk, or correct the path.",
    "local.root_no_folder": "{root} is not a folder. Correct the path of this source.",
    "local.managed": (
        "{root} is {who:one}: a photo deleted here would vanish there too. Use the connector for it, or set "
        "allow_managed: true for this source if it really is a plain folder."
    ),
    "local.left_alone": "{path} changed at this moment. It was left as it is; scan again.",
    "local.no_free_name": "No free name for {path}.",
    "local.gone": "{path} is not there any more.",
    "local.no_file_more": "{path} is not a regular file any more.",
    "local.file_no_reach": "{path} cannot be reached ({reason:said}). Connect the disk or the share, and try again.",
    "local.no_path": "{path} is no path ({error}). Correct the path of this source.",
    "local.two_disks": "{path} and its companions lie on different disks: they stay where they are.",
    "local.not_there": "{path} is not there. Scan again.",
    "local.no_longer": "{path} is no longer there. Scan again.",
}

WITHIN: Mapping[str, str] = {
    "source.did_you_mean": " Did you mean {name}?",
    "source.there_are": " There are: {names}.",
    "source.did_you_mean_key": "Did you mean {name}?",
    "source.knows": "It knows: {names}.",
    "source.install_again": "Install KeepOne again: {command}",
    "source.install_onedrive": "Install what OneDrive needs: {command}",
    "source.install_photos": "Install what Photos needs: {command}",
    "source.install_package": "Install what {package} needs, or remove that package.",
    "source.top_folder": "the top folder",
    "local.disk_full": "the disk is full. Make room and run it again.",
    "local.quota": "the disk quota is used up. Make room and run it again.",
    "local.read_only": "the disk is read-only. Make it writable, or protect this folder in the configuration.",
    "local.no_permission": "there is no permission to write there. Change the folder's rights, or protect it.",
    "local.not_permitted": "the system does not permit it. Change the folder's rights, or protect it.",
    "local.other_mount": "it lies behind a mount that looks like the same disk. Make that folder a source of its own.",
    "local.disk_error": "the disk reports an error. Check the disk before anything else.",
    "local.link_above": "a symbolic link stands in its path.",
    "local.link_or_file": "a symbolic link or a file stands in its path.",
    "local.name_taken": "its new name was taken at this very moment. Run it again.",
    "local.library": "a photo library that its own program manages",
    "local.synced": "a folder that a cloud sync client manages",
    "local.not_a_file": "it is not a regular file",
}
"""Words that stand inside other sentences only."""
