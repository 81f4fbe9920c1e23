"""The paper's Table 2: all methods on the same pseudo-experiments."""
