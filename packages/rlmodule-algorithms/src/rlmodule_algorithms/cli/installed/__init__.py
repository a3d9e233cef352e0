"""`rlmodule list` and `rlmodule doctor`: what is installed, and whether it works."""
