"""Contrastive flows of handwritten digits (the paper's app. C)."""
