"""Zips for the tests of what becomes of them."""

import zipfile


def write_zip(path, files):
    """Write a zip with the members `files`, contents by name; returns its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
