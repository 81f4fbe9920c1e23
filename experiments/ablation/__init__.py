"""One factor at a time: what each part of the method is worth."""
