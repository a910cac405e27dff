"""A gallery drawn by code, of which the truth is known: what `keepone demo` runs on and end-to-end tests measure."""
