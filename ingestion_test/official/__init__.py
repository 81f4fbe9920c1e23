"""The modules of the official program that a submission may import, with their public names, over this project's own.

`official_modules/` has a file for each of them, which the search path of a submission finds. What they return equals
what the official ones return (docs/protocol.md#official-modules).
"""
