"""Run the command line as ``python -m rnncli``."""

from rnncli.cli import app

if __name__ == "__main__":
    app(prog_name="rnncli")
