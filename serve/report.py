"""Lines of a replica's log that somebody waits for: they are written at once, past the buffer of Serve's log."""

import logging

logger = logging.getLogger("ray.serve")


def report(message: str, *args: object, level: int = logging.INFO) -> None:
    """Logs `message % args` and flushes; `ai-inference up` shows what it reads there."""
    logger.log(level, message, *args)
    for handler in logger.handlers:
        handler.flush()
