"""What Whisper hears, against faster-whisper's own computation of all frames at once."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("faster_whisper", reason="needs the extra faster_whisper")

from faster_whisper.feature_extractor import FeatureExtractor

from serve.audio import HEARD_RATE
from serve.engine import Samples
from serve.spectrum import FRAMES, Spectrum

BLOCK = FRAMES * 160
"""Samples."""


def noise(samples: int) -> Samples:
    return np.random.default_rng(samples).standard_normal(samples, np.float32) / np.float32(4)


@pytest.mark.parametrize("mels", [80, 128])
@pytest.mark.parametrize(
    "samples", [201, HEARD_RATE, BLOCK - 161, BLOCK - 160, BLOCK - 159, BLOCK, BLOCK + 1, 3 * BLOCK + 77]
)
def test_blocks_are_what_all_at_once_is(mels: int, samples: int) -> None:
    heard = noise(samples)
    expected = FeatureExtractor(feature_size=mels)(heard)
    found = Spectrum(feature_size=mels)(heard)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_is_quiet_is_measured_by_what_is_loudest_in_all_of_the_recording() -> None:
    heard = noise(3 * BLOCK)
    heard[: 2 * BLOCK] *= 1e-6
    np.testing.assert_allclose(Spectrum()(heard), FeatureExtractor()(heard), atol=1e-6)


def test_another_window_is_left_to_the_model() -> None:
    heard = noise(HEARD_RATE)
    ours, theirs = Spectrum(), FeatureExtractor()
    np.testing.assert_array_equal(ours(heard, chunk_length=20), theirs(heard, chunk_length=20))
    assert ours.nb_max_frames == theirs.nb_max_frames == 2000


def test_a_long_recording_takes_a_few_times_its_samples() -> None:
    heard = noise(20 * BLOCK)
    assert peak(Spectrum(), heard) < 4 * heard.nbytes < peak(FeatureExtractor(), heard)


def peak(spectrum: FeatureExtractor, heard: Samples) -> int:
    """Bytes beside the samples."""
    tracemalloc.start()
    spectrum(heard)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most
