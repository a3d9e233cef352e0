"""Checkpoints of algorithms: what is in them, where a run keeps them, and how one goes on from them."""
