"""All that travels in the submission's zip beside model.py; imports no other room of the project."""
