"""The review page: a server on loopback that shows groups to a person and remembers what she decides."""
