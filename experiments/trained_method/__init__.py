"""What the trained method reaches (paper, sec. 6.2)."""
