"""What requests take: the finished exchanges of one application go in, counts, times and amounts come out.

A process serves one application, so that all of them gather here, and who says them adds whose they are: `model` and
`task`. The gateway is a task of its own: a request by a model's name counts there as the gateway's, and at the model as
the model's, so that nothing of models counts twice; and what the gateway refuses is to be seen nowhere else.
"""

from serve.front.exchange import Exchange
from serve.metrics.series import Histogram, Labels, Level, Total

OF = ("model", "task")
NOBODY = "none"
"""The key of a request that brought none that is known."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

REQUESTS = Total(
    "ai_inference_requests_total", "Requests, by the name of the key and the status.", OF, ("key", "status")
)
ERRORS = Total("ai_inference_errors_total", "Requests that failed, by the code of the error.", OF, ("error",))
INPUT_TOKENS = Total("ai_inference_input_tokens_total", "Tokens that were read.", OF, ("key",))
OUTPUT_TOKENS = Total("ai_inference_output_tokens_total", "Tokens that were written.", OF, ("key",))
AUDIO = Total("ai_inference_audio_seconds_total", "Audio that was heard or spoken.", OF, ("key",))
CHARACTERS = Total("ai_inference_characters_total", "Text that was spoken.", OF, ("key",))
DURATION = Histogram("ai_inference_request_seconds", "From a request's beginning to its answer's end.", OF, SECONDS)
FIRST_BYTE = Histogram("ai_inference_first_byte_seconds", "From there to its answer's first byte.", OF, SECONDS)
QUEUE = Histogram("ai_inference_queue_seconds", "How long a request waited for the device.", OF, SECONDS)
BATCH = Histogram("ai_inference_batch_size", "Items, or sequences of a language model, in one step.", OF, SIZES)
IN_FLIGHT = Level("ai_inference_requests_in_flight", "Requests that are worked on or wait.", OF)
WAITING = Level("ai_inference_requests_waiting", "Requests that wait for the device.", OF)

ALL = (
    REQUESTS, ERRORS, INPUT_TOKENS, OUTPUT_TOKENS, AUDIO, CHARACTERS, DURATION, FIRST_BYTE, QUEUE, BATCH
)  # fmt: skip


def watch(exchange: Exchange) -> None:
    """Asking for health is no request; one that another replica has passed on counts there, and here what it takes."""
    if exchange.asks_health:
        return
    key = exchange.key_name or NOBODY
    if exchange.key is None or not exchange.key.passed:
        _request(exchange, key)
    if exchange.usage.queue_seconds:
        QUEUE.observe(exchange.usage.queue_seconds)
    _amounts(exchange, (key,))


def _request(exchange: Exchange, key: str) -> None:
    """The times are of those that were worked on, so not of refusals."""
    REQUESTS.add(1, (key, str(exchange.status)))
    if exchange.status >= 400:
        ERRORS.add(1, (exchange.error or str(exchange.status),))
    if 400 <= exchange.status < 500:
        return
    DURATION.observe(exchange.closed - exchange.began)
    if exchange.first is not None:
        FIRST_BYTE.observe(exchange.first - exchange.began)


def _amounts(exchange: Exchange, key: Labels) -> None:
    usage = exchange.usage
    for total, amount in (
        (INPUT_TOKENS, usage.input_tokens),
        (OUTPUT_TOKENS, usage.output_tokens),
        (AUDIO, usage.audio_seconds),
        (CHARACTERS, usage.characters),
    ):
        if amount:
            total.add(amount, key)


def say(model: str, task: str, in_flight: int, waiting: int) -> None:
    """All of it as it is now, as that of `model`."""
    of = (model, task)
    for series in ALL:
        series.say(of)
    IN_FLIGHT.say({of: in_flight})
    WAITING.say({of: waiting})
