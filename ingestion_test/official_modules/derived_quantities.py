"""Name taken by the official program: a submission's own module of this name is not found, here as on Codabench."""
