"""Where photos live. `connectors.base` is the contract; every other module is one kind of source."""
