"""Ctrl-C between two steps, never in the middle of one that makes something and notes it down."""

import contextlib
import signal
from collections.abc import Iterator


class Interruption:
    """Raises KeyboardInterrupt for SIGINT and SIGTERM: at once, or after the step that is deferring it."""

    def __init__(self) -> None:
        self.wanted, self.deferring = False, False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._received)

    def _received(self, *_: object) -> None:
        self.wanted = True
        if not self.deferring:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """For a step that makes something and notes it down."""
        self.deferring = True
        try:
            yield
        finally:
            # Also where the step failed: Ctrl-C reaches the `git` that it runs, too.
            self.deferring = False
            if self.wanted:
                raise KeyboardInterrupt

    def ignore(self) -> None:
        """From now on: a second Ctrl-C must not keep anything from being deleted."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
