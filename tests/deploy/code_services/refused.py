"""How a service refuses."""


class Refused(Exception):  # noqa: N818 (an answer, and no error here)
    """A code and a message."""
