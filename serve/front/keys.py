"""Who may ask: the files of a Secret go in, the key that a request brings comes out, or why it is refused.

Each file is one key (serve/front/key.py), named as the file. Kubernetes writes a changed Secret into the running pods,
so that keys come and go without a restart. In memory there are only digests, keyed with what nobody outside this
process knows: how long it takes to look one up tells nothing about any key.

The service has a key of its own, made of the token that Ray's processes ask of each other: all its pods have that from
their first moment to their last, and no client does.
"""

import hashlib
import hmac
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from serve.asgi import Scope, header
from serve.errors import ConfigurationError, InferenceError, Unauthorized
from serve.front.key import ANYONE, LEAST, SERVICE, Key, parsed
from serve.report import report

VARIABLE = "AI_INFERENCE_KEYS"
"""The folder of the keys, or OPEN. Where nothing is said there are no keys, and nobody is admitted."""
OPEN = "open"
TOKEN, TOKEN_FILE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
"""Ray's token, or the file of it, as Ray itself looks for it."""
LOOK_SECONDS = 1.0
MISSING = "the request brings no key; send `Authorization: Bearer KEY`"
UNKNOWN = "the key is not one of this service's; look whether it was copied whole, or replaced"
NONE_YET = "this service has no keys yet; whoever runs it adds them to its Secret"
FOR = b"x-ai-inference-for"
"""The name of the key of a request that the service passes on; believed beside its own alone."""
HEADERS = (b"authorization", b"api-key", b"x-api-key")
"""OpenAI's, Azure's and Anthropic's."""


class Keys:
    """Those of a folder, looked at anew at most every LOOK_SECONDS; None: everybody may ask.

    The service's own is made of `token`; of one that can be guessed it has none.
    """

    def __init__(self, folder: Path | None, token: str = "") -> None:
        self.folder = folder
        self._pepper = os.urandom(32)
        own = _service_key(token) if len(token) >= LEAST else None
        self._service = {} if own is None else bearer(own)
        self._own = {} if own is None else {self._digest(own.encode()): SERVICE}
        self._known: Mapping[bytes, Key] = self._own
        self._looked = -math.inf
        self._seen: Any = None

    @classmethod
    def of_environment(cls) -> Self:
        said = os.environ.get(VARIABLE, "")
        token = os.environ.get(TOKEN, "").strip() or _content(os.environ.get(TOKEN_FILE))
        if len(token) < LEAST and said != OPEN:
            text = "the service has no key of its own: Ray's token is missing, or has fewer than %d characters"
            report(text, LEAST, level=logging.WARNING)
        return cls(None if said == OPEN else Path(said or os.devnull), token)

    def admit(self, scope: Scope, model: str | None = None, *, free: bool = False) -> Key | None:
        """The key of a request that may ask `model`; None for a `free` one without a key that may.

        Raises Unauthorized, or Forbidden where the key is another model's.
        """
        if self.folder is None:
            return self._passed(scope) or ANYONE
        try:
            key = self._sent(scope)
            if model is not None:
                key.must_be_for(model)
            return key
        except InferenceError:
            if free:
                return None
            raise

    def known(self) -> Mapping[str, Key]:
        """By name, without the service's own."""
        self._look()
        return {key.name: key for key in self._known.values() if key is not SERVICE}

    def service(self) -> Mapping[str, str]:
        """Headers by which the service asks itself; none without a token."""
        return self._service

    def _sent(self, scope: Scope) -> Key:
        said = _said(scope)
        if not said:
            raise Unauthorized(MISSING)
        self._look()
        key = self._known.get(self._digest(said))
        if key is SERVICE and header(scope, FOR):
            key = self._passed(scope)
        if key is None:
            raise Unauthorized(UNKNOWN if self.known() else NONE_YET)
        if key.expires <= time.time():
            raise Unauthorized(f"the key {key.name!r} has expired; ask whoever runs this service for another")
        return key

    def _passed(self, scope: Scope) -> Key | None:
        """That of a request which the service passes on; None of any other, and where it is not known yet."""
        name = unquote(header(scope, FOR).decode("latin-1"))
        if not name or self._digest(_said(scope)) not in self._own:
            return None
        key = ANYONE if self.folder is None else self.known().get(name)
        return key and replace(key, passed=True)

    def _digest(self, key: bytes) -> bytes:
        return hashlib.blake2b(key, key=self._pepper, digest_size=32).digest()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            seen = _signature(self.folder)
            if seen != self._seen:
                self._known = self._read()
                self._seen = seen
        except OSError as error:  # It changes just now.
            report("the keys are as they were for now: %s", error, level=logging.WARNING)

    def _read(self) -> Mapping[bytes, Key]:
        """What is wrong with one is reported, and takes no other with it."""
        known = dict(self._own)
        for path in _files(self.folder):
            try:
                entry, key = parsed(path.name, path.read_bytes())
                if known.setdefault(self._digest(entry), key) is not key:
                    raise ConfigurationError(f"key {path.name!r}: another has the same; remove one of the two")
            except ConfigurationError as error:
                report("%s", error, level=logging.ERROR)
        return known


EVERYBODY = Keys(None)


def bearer(key: str) -> Mapping[str, str]:
    """The header that brings a key."""
    return {"authorization": f"Bearer {key}"}


def _content(file: str | None) -> str:
    with suppress(OSError):
        return Path(file or os.devnull).read_text().strip()
    return ""


def _files(folder: Path | None) -> Iterator[Path]:
    """Kubernetes keeps versions of them beside, in what begins with two points."""
    if folder is not None and folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())


def _signature(folder: Path | None) -> Any:
    """Another one when a file has changed."""
    return [(path.name, (at := path.stat()).st_ino, at.st_mtime_ns, at.st_size) for path in _files(folder)]


def _service_key(token: str) -> str:
    return "service-" + hmac.new(token.encode(), b"ai-inference", "sha256").hexdigest()


def _said(scope: Scope) -> bytes:
    """The key as the request has it, in the first of HEADERS that it has."""
    found = {name: value for name, value in scope["headers"] if name in HEADERS}
    said = next((found[name] for name in HEADERS if name in found), b"").strip()
    scheme, _, rest = said.partition(b" ")
    return rest.strip() if scheme.lower() == b"bearer" else said
