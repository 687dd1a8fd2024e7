"""The command line from a checkout: ``python main.py train`` is ``linear-regressor train``."""

from linear_regressor.cli import main

if __name__ == "__main__":
    main()
