"""Who may ask: the files of a Secret go in, the key that a request brings comes out, or why it is refused.

Each file is one key (serve/front/key.py), named as the file. Kubernetes writes a changed Secret into the running pods,
so that keys come and go without a restart. In memory there are only digests, keyed with what nobody outside this
process knows: how long it takes to look one up tells nothing about any key.

The service has a key of its own, of the token that Ray's processes ask of each other: all its pods have that from their
first moment, and no client does.
"""

import hashlib
import hmac
import logging
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from serve.asgi import Scope, header
from serve.errors import ConfigurationError, InferenceError, Unauthorized
from serve.front.key import ANYONE, SERVICE, Key, parsed
from serve.report import report

VARIABLE = "AI_INFERENCE_KEYS"
"""The folder of the keys, or OPEN. Where nothing is said there are no keys, and nobody is admitted."""
OPEN = "open"
TOKEN = "RAY_AUTH_TOKEN_PATH"  # noqa: S105
"""The file of Ray's token, as Ray itself names it."""
LOOK_SECONDS = 1.0
UNKNOWN = "the key is not one of this service's; look whether it was copied whole, or replaced"
NONE_YET = "this service has no keys yet; whoever runs it adds them to its Secret"
FOR = b"x-ai-inference-for"
"""Who a request is from that the service passes on; believed beside its own key alone."""
HEADERS = (b"authorization", b"api-key", b"x-api-key")
"""OpenAI's, Azure's and Anthropic's."""


class Keys:
    """Those of a folder, looked at anew at most every LOOK_SECONDS; None: everybody may ask.

    The service's own is made of the file `token`; without one it has none.
    """

    def __init__(self, folder: Path | None, token: Path | None = None) -> None:
        self.folder = folder
        self.token = token
        self._pepper = os.urandom(32)
        self._known: Mapping[bytes, Key] = {}
        self._service: Mapping[str, str] = {}
        self._looked = -math.inf
        self._seen: Any = None

    @classmethod
    def of_environment(cls) -> Self:
        said = os.environ.get(VARIABLE, "")
        token = os.environ.get(TOKEN)
        return cls(None if said == OPEN else Path(said or os.devnull), Path(token) if token else None)

    def admit(self, scope: Scope, model: str | None = None, *, free: bool = False) -> Key | None:
        """The key of a request that may ask `model`; None for a `free` one without a key that may.

        Raises Unauthorized, or Forbidden where the key is another model's.
        """
        if self.folder is None:
            return ANYONE
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
        self._look()
        return self._service

    def _sent(self, scope: Scope) -> Key:
        said = _said(scope)
        if not said:
            raise Unauthorized("the request brings no key; send `Authorization: Bearer KEY`")
        self._look()
        key = self._known.get(self._digest(said))
        if key is SERVICE and (name := header(scope, FOR)):
            key = self._passed(name.decode("latin-1"))
        if key is None:
            raise Unauthorized(UNKNOWN if self.known() else NONE_YET)
        if key.expires <= time.time():
            raise Unauthorized(f"the key {key.name!r} has expired; ask whoever runs this service for another")
        return key

    def _passed(self, name: str) -> Key | None:
        key = self.known().get(name)
        return key and replace(key, passed=True)

    def _digest(self, key: bytes) -> bytes:
        return hashlib.blake2b(key, key=self._pepper, digest_size=32).digest()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            seen = _signature([*_files(self.folder), *_files(self.token)])
            if seen != self._seen:
                self._known = self._read()
                self._seen = seen
        except OSError as error:  # It changes just now.
            report("the keys are as they were for now: %s", error, level=logging.WARNING)

    def _read(self) -> Mapping[bytes, Key]:
        """What is wrong with one is reported, and takes no other with it."""
        known = dict[bytes, Key]()
        for path in _files(self.folder):
            try:
                entry, key = parsed(path.name, path.read_bytes())
                if known.setdefault(self._digest(entry), key) is not key:
                    raise ConfigurationError(f"key {path.name!r}: another has the same; remove one of the two")
            except ConfigurationError as error:
                report("%s", error, level=logging.ERROR)
        self._service = {}
        for path in _files(self.token):
            own = _service_key(path.read_bytes())
            known[self._digest(own.encode())] = SERVICE
            self._service = bearer(own)
        return known


EVERYBODY = Keys(None)


def bearer(key: str) -> Mapping[str, str]:
    """The header that brings a key."""
    return {"authorization": f"Bearer {key}"}


def _files(place: Path | None) -> Iterator[Path]:
    """The file itself, or those of a folder; in what begins with two points Kubernetes keeps versions of them."""
    if place is not None and place.is_dir():
        yield from sorted(path for path in place.iterdir() if not path.name.startswith(".") and path.is_file())
    elif place is not None and place.is_file():
        yield place


def _signature(files: Iterable[Path]) -> Any:
    """Another one when a file has changed."""
    return [(path.name, (at := path.stat()).st_ino, at.st_mtime_ns, at.st_size) for path in files]


def _service_key(token: bytes) -> str:
    return "service-" + hmac.new(token.strip(), b"ai-inference", "sha256").hexdigest()


def _said(scope: Scope) -> bytes:
    """The key as the request has it, in the first of HEADERS that it has."""
    found = {name: value for name, value in scope["headers"] if name in HEADERS}
    said = next((found[name] for name in HEADERS if name in found), b"").strip()
    scheme, _, rest = said.partition(b" ")
    return rest.strip() if scheme.lower() == b"bearer" else said
