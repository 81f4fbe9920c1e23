"""The methods of Table 2. A further one is a module or a package here, and a line in `registry.py`."""
