"""The sentences of ours that reach the page as plain text: through an error's message, another process, the journal or
the database, also of older versions. Each has its code here and its English with the values named, as
`recognise.py` reads it:

- `{name}` is any text;
- `{name:d}`, `{name:,}`, `{name:g}`, `{name:.0f}` … is a number as Python writes it so;
- `{name:said}` is another sentence of ours, or any text;
- `{name:one}` is another sentence of ours and nothing else;
- `{name:list}` are such words, with commas between.

The other languages are in `static/locales`, under `said.` and the code.
"""

from __future__ import annotations

from collections.abc import Mapping

from dedupe_app.web.catalogue import files, onedrive, photos, places, steps, work

TEMPLATES: Mapping[str, str] = {
    **files.SAID,
    **steps.SAID,
    **places.SAID,
    **onedrive.SAID,
    **photos.SAID,
    **work.SAID,
}
WITHIN: Mapping[str, str] = {
    **files.WITHIN,
    **steps.WITHIN,
    **places.WITHIN,
    **onedrive.WITHIN,
    **photos.WITHIN,
    **work.WITHIN,
}
"""Words and half sentences that are looked for inside other sentences only."""
