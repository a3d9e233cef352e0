"""How an algorithm is configured."""
