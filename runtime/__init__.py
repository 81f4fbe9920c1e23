"""Plumbing that is not the challenge: errors, files, output folders, processes, tasks, types of arguments."""
