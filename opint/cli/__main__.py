"""``python -m opint.cli`` is ``nightshift``."""

from opint.cli.main import main

main()
