"""`python -m cnnspec`."""

from cnnspec.commands.cli import main

main()
