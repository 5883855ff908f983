"""Every failure that a person sees: raised anywhere in the package, it becomes OpenAI's error shape or an exit.

Each class is one cause and carries its HTTP status and OpenAI code; each message says what happened, which entry, and
what to do. Source of the shape: https://platform.openai.com/docs/guides/error-codes.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class InferenceError(Exception):
    """The family. `param` names the offending field, `retry_after` is in whole seconds."""

    status: ClassVar[int] = 500
    code: ClassVar[str | None] = "internal_error"
    type: ClassVar[str] = "server_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.param, self.retry_after)

    @property
    def word(self) -> str:
        """Its code, for metrics and logs."""
        return self.code or self.type

    def body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def headers(self) -> Mapping[str, str]:
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def failed(request_id: str) -> InferenceError:
    """What a client may know of a failure that is ours."""
    return InferenceError(f"the server failed; its log has request {request_id}")


def ended(retry_after: int) -> "ModelUnavailable":
    """What a client may know of a replica that ended under its request."""
    return ModelUnavailable(
        "the model's replica ended while it worked on this request; send it again", retry_after=retry_after
    )


def _rebuild(cause: type[InferenceError], message: str, param: str | None, retry_after: int | None) -> InferenceError:
    return cause(message, param=param, retry_after=retry_after)


class ConfigurationError(InferenceError):
    """The values file or the environment is wrong: nothing starts."""

    code = "invalid_configuration"


class BadRequest(InferenceError):
    status = 400
    code: ClassVar[str | None] = None
    type = "invalid_request_error"


class TooLong(BadRequest):
    """More tokens than the model's context."""

    code = "context_length_exceeded"


class TooLarge(BadRequest):
    """More in one request than the model, or the key, may have."""

    status, code = 413, "request_too_large"


class Unauthorized(BadRequest):
    """No key, or none that is known or valid still."""

    status, code = 401, "invalid_api_key"

    def headers(self) -> Mapping[str, str]:
        return {"www-authenticate": "Bearer"}  # RFC 9110, section 11.6.1


class Forbidden(BadRequest):
    """A key that is for other models."""

    status, code = 403, "model_not_allowed"


class NotFound(BadRequest):
    status, code = 404, "not_found"


class UnknownModel(NotFound):
    code = "model_not_found"


class Overloaded(InferenceError):
    """More requests at once than the entry admits."""

    status, code, type = 429, "rate_limit_exceeded", "rate_limit_error"


class Limited(Overloaded):
    """A key has used what it may."""

    word = "key_limit_exceeded"


class ModelUnavailable(InferenceError):
    """The model could not be loaded; only a change of its entry or its source helps. `cause` is the metric's word."""

    status = 503
    code: ClassVar[str | None] = "model_unavailable"
    cause: ClassVar[str] = "load"


class OverBudget(ModelUnavailable):
    """It takes more memory than its entry gives it."""

    cause = "budget"


class Miscomputed(ModelUnavailable):
    """The accelerator computes wrongly, or ends the process that tries it."""

    cause = "kernels"


class Unlike(ModelUnavailable):
    """The model's answers are not those of its reference, or it lacks the one that it must have."""

    cause = "reference"


class Congested(InferenceError):
    """The model had not come to the request when its `queueTimeout` was over."""

    status, code = 503, "model_congested"


class TooSlow(InferenceError):
    """The body did not come in time."""

    status, code = 408, "request_timeout"


class TimedOut(InferenceError):
    """The answer was not whole when the entry's `requestTimeout` was over."""

    status, code = 504, "request_timeout"


class ModelStarting(ModelUnavailable):
    """The model has no replica yet; the same request will be answered later."""

    code = "model_starting"
