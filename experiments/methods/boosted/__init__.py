"""Gradient-boosted trees in place of the classifier."""
