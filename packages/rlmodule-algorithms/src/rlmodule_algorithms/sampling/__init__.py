"""From environments to training batches."""
