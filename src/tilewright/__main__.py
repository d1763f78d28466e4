"""``python -m tilewright``."""

from tilewright.cli.main import main

if __name__ == "__main__":
    main()
