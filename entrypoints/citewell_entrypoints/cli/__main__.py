"""`python -m citewell_entrypoints.cli`."""

from citewell_entrypoints.cli import main

if __name__ == "__main__":
    main()
