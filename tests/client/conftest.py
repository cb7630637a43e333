"""The emulator and the account of the trigger's tests."""

from tests.trigger.conftest import cloud, emulator

__all__ = ["cloud", "emulator"]
