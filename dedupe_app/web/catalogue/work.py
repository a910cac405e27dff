"""What is said of jobs, of models and the services that run them, of the database, and of faults."""

from __future__ import annotations

from collections.abc import Mapping

SAID: Mapping[str, str] = {
    "work.parked_late": "parked, because {minutes:g} minutes are over; the next run goes on",
    "work.parked_asked": "parked, because it was asked to stop; the next run goes on",
    "work.over_cap": (
        "{photos:,} photos ({size}) would go, more than the job's {items:,} photos or {most}, so nothing was touched"
    ),
    "work.cannot": "{photos:d} photos lie where they cannot be put away by {action:one}.",
    "work.report_refused": "{source}: the report could not be left there: {error:said}",
    "work.no_source": "Job {job} names the source {source}, which nobody set up. See: keepone sources list",
    "work.killed": "It was killed. What it had done is in the journal; the next run goes on from there.",
    "work.regrouped": (
        "{hidden:d} {noun:one} hidden, {new:d} new, {changed:d} changed, {touched:d} of your accepted ones touched"
    ),
    "work.no_answer": "There is no answer {name} that still holds. See: keepone learn stats --answers",
    "work.never_read": "One of these photos was never read, so nothing can be remembered of it. Run: keepone scan",
    "work.same_bytes": (
        "These are the same bytes in two places: no answer changes that. Protect a folder to keep both of them."
    ),
    "fault.interrupted": "Interrupted. What was done is saved; run the same command again to go on.",
    "fault.ours": (
        "This is a fault in KeepOne itself ({error}). The same command with -v shows where; report it with: keepone "
        "doctor --bundle bundle.zip"
    ),
    "fault.wait": "{reason:said} Try again in {seconds:.0f} s.",
    "fault.database_held": "Another program holds the database. Wait for it, then run the same command again.",
    "fault.data_full": "The disk of the data folder is full. Free some space and run the same command again.",
    "fault.database": "The database cannot be used ({error}). Run: keepone doctor",
    "fault.system": "{place:said}: {reason:said}. {step:one}",
    "store.locked": "Another KeepOne is at work in {folder} ({holder:said}). Wait for it, or stop it.",
    "store.newer": (
        "The database is of a newer KeepOne (version {version:d}). Update KeepOne, or use another --data folder."
    ),
    "model.not_installed": "{package} is not installed; run: {command}",
    "model.no_weights": "The weights of {model} ({weights}) are not here; run: keepone models pull",
    "model.own_file": "{file} is a file of yours, and it is not there.",
    "model.note_unread": "{file} cannot be read; delete it and run: keepone models pull",
    "model.other_file": "{file} is not what was fetched; delete it and run: keepone models pull",
    "model.set_path": "A model of the kind {kind} is a file of yours: set embedding.weights to its path.",
    "model.timm": "timm has no model {model}. See: keepone models list",
    "model.open_clip": "open_clip has no model {model}. See: keepone models list",
    "model.other_weights": "{model} has no weights {weights}; there are: {known}.",
    "model.not_fetched": "The weights cannot be fetched now ({reason}); try again when the network is there.",
    "model.no_batch": "The model {model} does not take a batch of pictures.",
    "model.no_vector": "The model {model} gives no vector a picture.",
    "model.one_memory": "The model {model} needs more memory than there is for one picture; choose a smaller one.",
    "model.memory": "The model {model} needs more memory than there is.",
    "model.fails": "The model {model} fails ({reason}).",
    "model.no_device": "There is no device {asked} here; there is {names}.",
    "model.no_numbers": "The model {model} gives vectors that are no numbers; nothing of it is kept.",
    "model.not_onnx": "{file} cannot be used as an ONNX model ({reason}).",
    "model.weights_unread": "The weights {file} cannot be read ({reason:said}).",
    "model.onnx_device": "ONNX Runtime has no device {asked} here; it has {names}.",
    "model.inputs": "{file} takes {inputs:d} inputs, not one batch of pictures.",
    "model.input_shape": "{file} takes {told} of {type}, not n × 3 × side × side floats.",
    "model.no_precision": "There is no precision {asked}; there are {names}.",
    "model.no_layer": "There is no layer to lower.",
    "model.describes_none": "{file} describes no model; fetch it again: keepone models pull",
    "model.no_torchscript": "{file} is not a TorchScript file.",
    "model.channels": "The model wants other channels than red, green and blue.",
    "model.unfit": "{file} does not fit the model {model}: {reason:said}",
    "model.more_than_weights": "{file} holds more than weights; convert it to safetensors.",
    "model.incomplete": "{file} is not a complete checkpoint; fetch it again: keepone models pull",
    "model.no_table": "{file} holds no table of weights.",
    "service.no_address": "{url} is no address of a service; write it as {form}.",
    "service.has_no": "The service at {url} has no {what} (status {status:d}).",
    "service.protocol": "The service at {url} does not speak KServe V2.",
    "service.refuses": "The service at {url} refuses (status {status:d}): {reason:said}",
    "service.nonsense": "The service at {url} answers nonsense: {error}",
    "service.late": "The service at {url} does not answer in time.",
    "service.silent": "The service at {url} does not answer ({reason:said}).",
    "service.too_much": "The service at {url} answers with more than {size:d} MB.",
    "service.no_numbers": "The service at {url} answers without numbers named {name}.",
    "service.shape": "The service at {url} answers with shape {shape} to {pictures:d} pictures.",
    "service.no_input": "The service at {url} has no input for pictures ({kinds}).",
    "service.odd_shape": "The service at {url} says nothing sensible of its pictures' shape.",
    "service.unknown_shape": "The service at {url} wants pictures of a shape that is not known here.",
    "service.no_output": "The service at {url} has no output of numbers.",
}

WITHIN: Mapping[str, str] = {
    "word.tag": "tag",
    "word.move": "move",
    "word.delete": "delete",
    "word.group": "group",
    "word.groups": "groups",
    "word.keywords": "keywords",
    "word.favorite": "favorite",
    "word.title": "title",
    "word.description": "description",
    "word.place": "place",
    "fault.file_system": "the file system",
    "fault.free_space": "Free some space and run the same command again; nothing is half done.",
    "fault.read_only": "It is on a read-only disk; use --data DIR for a folder that can be written.",
    "fault.rights": "Check who may read and write it, or run: keepone doctor",
    "fault.path": "Check the path.",
    "fault.disk": "The disk reports a fault; make a backup first, then run: keepone doctor",
    "fault.doctor": "Run: keepone doctor",
    "store.holder": "{work}, process {number:d}, since {time}",
    "store.unknown": "unknown",
    "model.lacks": "it lacks {name}.",
    "model.holds": "it holds {name}.",
    "word.scan": "scan",
    "word.apply": "apply",
    "word.undo": "undo",
    "word.reanalyse": "reanalyse",
    "word.job": "job",
}
"""Words that stand inside other sentences only."""
