"""Every failure that a person sees: raised anywhere in the toolkit, it becomes a message and an exit code.

Each class is one cause with a code of its own, and its docstring is what --help says about that code. The message says
what happened and the way out; the step in which it was raised (`report`) adds the image and the step.
"""

from typing import Any, ClassVar, NoReturn

STOPPED = 130


class ImageError(Exception):
    """The family."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.image: str | None = None
        self.step: str | None = None

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.image, self.step) if part)
        return f"{where}: {self.message}" if where else self.message

    def body(self) -> dict[str, Any]:
        """The same for --json."""
        cause = type(self).__name__
        return {"cause": cause, "code": self.exit_code, "image": self.image, "step": self.step, "message": self.message}


class Misused(ImageError):
    """The command line, or a file that it reads, is wrong."""

    exit_code = 2


class NoEngine(ImageError):
    """No Docker Engine answers."""

    exit_code = 3


class BuildFailed(ImageError):
    """A step of a Dockerfile failed."""

    exit_code = 4


class ContractBroken(ImageError):
    """A built image does not do what every image must."""

    exit_code = 5


class PushFailed(ImageError):
    """The registry did not take an image."""

    exit_code = 6


class BaseUnresolved(ImageError):
    """A base image cannot be found in its registry."""

    exit_code = 7


class Stopped(BaseException):
    """Ctrl-C. Not an Exception, so that no library takes it for an error of its own."""


def stop(*_: Any) -> NoReturn:
    raise Stopped


def exit_codes() -> dict[int, str]:
    """Every code with what it means."""
    causes = {cause.exit_code: str(cause.__doc__).rstrip(".") for cause in ImageError.__subclasses__()}
    return {0: "Done", 1: "Anything else, such as a missing Python package", **causes, STOPPED: "Ctrl-C"}
