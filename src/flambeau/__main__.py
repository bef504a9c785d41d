"""`python -m flambeau` is the command `flambeau`."""

from flambeau.cli import main

if __name__ == "__main__":
    main()
