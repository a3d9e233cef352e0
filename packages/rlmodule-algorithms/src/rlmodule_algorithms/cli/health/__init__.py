"""The checks of `rlmodule doctor`."""
