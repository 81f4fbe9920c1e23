"""A template fit of one feature: the simplest honest method, and the example of how to write a Model."""
