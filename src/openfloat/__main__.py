"""`python -m openfloat` is the `openfloat` command."""

from openfloat.cli.main import main

main()
