"""`rlmodule train`."""
