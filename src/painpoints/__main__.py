"""Let `python -m painpoints` be the command line."""

from painpoints.cli import main

if __name__ == "__main__":
    main()
