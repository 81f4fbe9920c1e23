"""The methods of Table 2. A further one has a module or a package here, and an entry in `registry.py`."""
