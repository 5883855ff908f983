"""The process in which a CPU answers."""

from serve import apart
from serve.reference.place import answered

apart.answer(answered)
