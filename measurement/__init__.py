"""One measurement: what its interval is made by, as numbers, figures and a page."""
