"""The module contract, its standard implementation, and how modules are built and served."""
