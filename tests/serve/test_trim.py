"""Memory that was freed, and that glibc keeps."""

import platform

import psutil
import pytest

from serve.trim import trim

BLOCK = 50_000  # Bytes: more than Python keeps for itself, less than what is mapped alone.


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a word for it")
def test_what_lies_below_something_that_is_still_used_goes_back_to_the_system() -> None:
    freed, used = [bytes(BLOCK) for _ in range(2000)], bytes(BLOCK)
    freed.clear()
    kept = psutil.Process().memory_info().rss
    trim()
    assert kept - psutil.Process().memory_info().rss > 1000 * BLOCK
    assert len(used) == BLOCK
