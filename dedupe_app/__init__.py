"""Who KeepOne talks to: the command line, notebooks, and later the page and the daemon."""
