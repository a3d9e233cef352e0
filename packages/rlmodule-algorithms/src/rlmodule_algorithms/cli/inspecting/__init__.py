"""`rlmodule inspect`."""
