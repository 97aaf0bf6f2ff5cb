"""Run `python -m gdest`."""

from gdest.cli import main

main()
