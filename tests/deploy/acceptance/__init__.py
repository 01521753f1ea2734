"""The parts of `accept.py`."""
