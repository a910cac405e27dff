"""`python -m dedupe_app.cli` is `keepone`."""

import sys

from dedupe_app.cli import main

sys.exit(main())
