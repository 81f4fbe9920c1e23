"""`python -m submission build|verify` is `python -m upload build|verify`. This file does not travel in the zip."""

import sys

from upload.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
