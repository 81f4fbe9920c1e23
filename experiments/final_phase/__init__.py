"""The final phase of the challenge, by events and at histogram level."""
