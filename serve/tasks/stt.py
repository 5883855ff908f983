"""Speech to text: `openai.audio.transcriptions.create` and `translations.create` go in, text and its times come out.

The file is decoded, and speech is found in it, by threads beside the device's, which recognises another recording
meanwhile; segments leave it as they are made, and are streamed as events or gathered into one of OpenAI's five formats.
"""

import asyncio
import dataclasses
import json
import math
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field
from ray.serve import Application

from serve import subtitles
from serve.audio import HEARD_RATE, MAX_SECONDS, decode
from serve.checks.stt import SPEECH
from serve.engine import Recognition, Samples, Segment, Transcriber, TranscriptionOptions
from serve.errors import BadRequest
from serve.front.bounds import bounds
from serve.front.usage import usage
from serve.replica import Replica
from serve.streaming import DeviceThread, Streamed
from serve.texts import TextOrNone
from serve.values import ModelArgs

AT_ONCE = 4
"""Requests whose audio is held decoded: enough to keep the device busy, few enough for hours of audio."""
LONG_SECONDS = 600
"""Up to here four recordings are made ready at once; longer ones, for which that takes several times their samples, one
after the other."""


class Args(ModelArgs):
    """Arguments of an stt application."""

    max_audio: float = Field(MAX_SECONDS, gt=0)
    """Seconds of audio in one request; of more no more is decoded."""


class Speech(BaseModel):
    """OpenAI's form. Fields of other models and servers are accepted and ignored."""

    file: UploadFile
    model: str | None = None
    language: str | None = None
    prompt: TextOrNone = None
    response_format: Literal["json", "text", "srt", "vtt", "verbose_json"] = "json"
    temperature: float | None = Field(None, ge=0, le=1)
    granularities: list[Literal["segment", "word"]] = Field(["segment"], alias="timestamp_granularities[]")
    """What verbose_json tells the times of."""
    stream: bool = False


MultipartForm = Annotated[Speech, Form(media_type="multipart/form-data")]


class SpeechToText(Replica):
    """Serves one speech recogniser."""

    task = "stt"
    protocol = Transcriber
    engine: Transcriber
    args: Args

    def routes(self) -> APIRouter:
        self.device = DeviceThread()
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.beside = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="beside-device")
        self.beside_long = ThreadPoolExecutor(1, thread_name_prefix="beside-device-long")
        router = APIRouter()
        router.post("/v1/audio/transcriptions", response_model=None)(self.transcriptions)
        router.post("/v1/audio/translations", response_model=None)(self.translations)
        return router

    async def probe(self) -> None:
        """Speech, as silence may be left out before a model hears it."""

        def heard() -> Segment | None:
            return next(self.engine.transcribe(decode(SPEECH.read_bytes()), TranscriptionOptions()).segments, None)

        await self.device.run(heard)

    async def transcriptions(self, form: MultipartForm) -> Response:
        return await self._answer(form, translate=False)

    async def translations(self, form: MultipartForm) -> Response:
        return await self._answer(form, translate=True)

    async def _answer(self, form: Speech, translate: bool) -> Response:
        self.must_serve(form.model)
        language = self._language(form.language)
        if form.stream and form.response_format not in ("json", "text"):
            raise BadRequest(f"stream: there are no events for {form.response_format}; ask for json", param="stream")
        if form.stream:
            return await Streamed.begin(self._events(form, language, translate), "text/event-stream")
        async with self._recognised(form, language, translate) as (recognition, segments):
            return _formatted(form, recognition, [segment async for segment in segments], translate)

    def _language(self, asked: str | None) -> str | None:
        """ISO 639-1, also of a locale such as `en-US`; None lets the engine find out."""
        if asked is None:
            return None
        language = asked.lower().partition("-")[0]
        known = self.engine.languages()
        if language not in known:
            raise BadRequest(f"language: {asked!r} is none that this model knows: {', '.join(known)}", param="language")
        return language

    @asynccontextmanager
    async def _recognised(
        self, form: Speech, language: str | None, translate: bool
    ) -> AsyncIterator[tuple[Recognition, AsyncIterator[Segment]]]:
        """The recognition and its segments, as they are decoded for as long as the context lasts."""
        async with self.device.waits.until(self.slots):
            audio = await self._decoded(await form.file.read())
            options = TranscriptionOptions(
                language=language,
                prompt=form.prompt,
                temperature=form.temperature,
                translate=translate,
                words=form.response_format == "verbose_json" and "word" in form.granularities,
            )
            recognition = await self._begun(audio, options)
            async with aclosing(self.device.iterate(recognition.segments)) as segments:
                yield recognition, segments

    async def _decoded(self, file: bytes) -> Samples:
        """In a thread that ends soon after the client has left, as its place in memory is another's then.

        What is decoded counts, whether it is recognised afterwards or not.
        """
        left, used = threading.Event(), usage()

        def goes_on(seconds: float) -> bool:
            used.audio_seconds = seconds
            return not left.is_set()

        try:
            return await asyncio.to_thread(decode, file, min(self.args.max_audio, bounds().audio), goes_on)
        finally:
            left.set()

    async def _begun(self, audio: Samples, options: TranscriptionOptions) -> Recognition:
        """Beside the device."""
        long = len(audio) > LONG_SECONDS * HEARD_RATE
        with self.device.waits.one() as over:

            def begin() -> Recognition:
                over()
                return self.engine.transcribe(audio, options)

            threads = self.beside_long if long else self.beside
            return await asyncio.get_running_loop().run_in_executor(threads, begin)

    async def _events(self, form: Speech, language: str | None, translate: bool) -> AsyncGenerator[str, None]:
        """OpenAI's events of a streamed transcription: deltas, whose sum `done` repeats."""
        text = ""
        async with self._recognised(form, language, translate) as (_, segments):
            async for segment in segments:
                delta = segment.text if text else segment.text.lstrip()
                text += delta
                yield _event("transcript.text.delta", delta=delta)
        yield _event("transcript.text.done", text=text)


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def _formatted(form: Speech, recognition: Recognition, segments: list[Segment], translate: bool) -> Response:
    text = "".join(segment.text for segment in segments).strip()
    match form.response_format:
        case "text":
            return PlainTextResponse(text + "\n")
        case "srt":
            return PlainTextResponse(subtitles.srt(segments))
        case "vtt":
            return PlainTextResponse(subtitles.vtt(segments), media_type="text/vtt")
    heard = {"type": "duration", "seconds": math.ceil(recognition.duration)}
    if form.response_format == "json":
        return JSONResponse({"text": text, "usage": heard})
    language = "english" if translate else recognition.language  # As OpenAI's client has it of a translation.
    head = {"task": "translate" if translate else "transcribe", "language": language, "duration": recognition.duration}
    return JSONResponse({**head, "text": text, **_times(form, segments), "usage": heard})


def _times(form: Speech, segments: list[Segment]) -> dict[str, Any]:
    """The segments, the words, or both, as the form asks."""
    dicts = [dataclasses.asdict(segment) for segment in segments]
    words = [word for fields in dicts for word in fields.pop("words")]
    found = {"segment": ("segments", dicts), "word": ("words", words)}
    return dict(found[granularity] for granularity in form.granularities)


def build(args: Args) -> Application:
    return SpeechToText.application(args)
