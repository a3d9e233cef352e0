__version__ = "0.1.0"
INTERFACE = (0, 1)
