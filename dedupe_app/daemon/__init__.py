"""The service: one quiet process that knows when jobs are due and runs each in a process of its own."""
