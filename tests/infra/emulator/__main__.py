"""Run the emulator: `python -m tests.infra.emulator` prints its address and serves until ended."""

from tests.infra.emulator.extended_moto import main

main()
