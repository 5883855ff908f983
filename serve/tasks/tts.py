"""Text to speech: `openai.audio.speech.create` goes in, audio comes out piece by piece, in any of OpenAI's formats.

The first piece is made before the status is sent, so that what the engine cannot speak is answered by a 400.
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from ray.serve import Application

from serve.audio import CONTENT_TYPES, Encoder, Format
from serve.engine import Synthesizer
from serve.errors import BadRequest
from serve.front.usage import usage
from serve.replica import Replica
from serve.streaming import DeviceThread, Streamed
from serve.values import ModelArgs

MAX_CHARACTERS = 4096  # platform.openai.com/docs/api-reference/audio/createSpeech
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _identifier(voice: Any) -> Any:
    """The client sends a name, or an object with `id`."""
    return voice.get("id", voice) if isinstance(voice, dict) else voice


class Args(ModelArgs):
    """Arguments of a tts application."""


class SpeechRequest(BaseModel):
    """OpenAI's body. `instructions` and keys of other servers are accepted and ignored."""

    model: str | None = None
    input: Annotated[str, AfterValidator(_without_nul)] = Field(min_length=1, max_length=MAX_CHARACTERS)
    voice: Annotated[str | None, BeforeValidator(_identifier)] = None
    """Without one the engine's own choice speaks."""
    response_format: Format = "mp3"
    speed: float = Field(1, ge=0.25, le=4)
    stream_format: Literal["audio", "sse"] = "audio"


class TextToSpeech(Replica):
    """Serves one synthesiser."""

    task = "tts"
    protocol = Synthesizer
    engine: Synthesizer

    def routes(self) -> APIRouter:
        self.device = DeviceThread()
        router = APIRouter()
        router.post("/v1/audio/speech", response_model=None)(self.speech)
        router.get("/v1/audio/voices")(self.voices)
        return router

    async def probe(self) -> None:
        voice = self.engine.voices()[0]
        await self.device.run(lambda: next(self.engine.speak("one", voice=voice, speed=1), None))

    async def voices(self) -> dict[str, list[str]]:
        return {"voices": self.engine.voices()}

    async def speech(self, body: SpeechRequest) -> Streamed:
        self.must_serve(body.model)
        audio = self._audio(body, _voice(body.voice, self.engine.voices()))
        if body.stream_format == "sse":
            return await Streamed.begin(_events(audio), "text/event-stream")
        return await Streamed.begin(audio, CONTENT_TYPES[body.response_format])

    async def _audio(self, body: SpeechRequest, voice: str) -> AsyncGenerator[bytes, None]:
        """Chunks of the wanted format, none of them empty."""
        usage().characters += len(body.input)
        spoken = self.engine.speak(body.input, voice=voice, speed=body.speed)
        encoder = None
        async with aclosing(self.device.iterate(spoken)) as pieces:
            async for piece in pieces:
                usage().audio_seconds += len(piece) / self.engine.sample_rate()
                encoder = encoder or Encoder(body.response_format, self.engine.sample_rate())
                if chunk := await asyncio.to_thread(encoder.encode, piece):
                    yield chunk
        if encoder is None:
            raise BadRequest("input: has nothing that can be spoken", param="input")
        yield await asyncio.to_thread(encoder.finish)


def _voice(asked: str | None, voices: list[str]) -> str:
    """The engine's voice of that name. An OpenAI voice is the engine's with that name in its own, as Kokoro's
    `af_alloy`, else the one at its place in OpenAI's list, so that the same name always sounds the same."""
    if asked is None or asked in voices:
        return asked or voices[0]
    if asked not in OPENAI_VOICES:
        raise BadRequest(f"voice: there is no {asked!r}; voices: {', '.join(voices)}", param="voice")
    namesake = next((voice for voice in voices if voice.endswith(f"_{asked}")), None)
    return namesake or voices[OPENAI_VOICES.index(asked) % len(voices)]


async def _events(audio: AsyncGenerator[bytes, None]) -> AsyncGenerator[str, None]:
    """OpenAI's events of streamed speech."""
    async with aclosing(audio):
        async for chunk in audio:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    yield _event({"type": "speech.audio.done"})


def _event(fields: dict[str, str]) -> str:
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n"


def build(args: Args) -> Application:
    return TextToSpeech.application(args)
