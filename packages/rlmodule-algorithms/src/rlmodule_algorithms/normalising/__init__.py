"""Keeping the statistics that observations and rewards are normalised by."""
