"""What Whisper hears: samples go in, the logarithms of their mel spectrum come out, as faster-whisper computes them.

It is computed block by block: frames of all of a recording at once would take 2 GB of RAM for an hour, and longer.
"""

from typing import Any

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from serve.engine import Samples

FRAMES = 3000
"""Of one block: half a minute."""


class Spectrum(FeatureExtractor):  # type: ignore[misc]  # It has no types.
    """In place of a model's own."""

    def __call__(self, waveform: Samples, padding: int = 160, chunk_length: Any = None) -> NDArray[np.float32]:
        """`(mels, frames)` of samples, behind which come `padding` ones of silence."""
        if chunk_length is not None:  # Changes how long the model's window is.
            return np.asarray(super().__call__(waveform, padding, chunk_length), np.float32)
        padded = np.pad(np.pad(waveform, (0, padding)), self.n_fft // 2, mode="reflect")
        frames = (len(padded) - self.n_fft) // self.hop_length  # Without the last, as Whisper has them.
        found = np.empty((len(self.mel_filters), frames), np.float32)
        for begin in range(0, frames, FRAMES):
            end = min(begin + FRAMES, frames)
            block = padded[begin * self.hop_length : (end - 1) * self.hop_length + self.n_fft]
            found[:, begin:end] = self._mel(block)
        np.log10(np.maximum(found, 1e-10, out=found), out=found)
        np.maximum(found, found.max() - 8.0, out=found)
        return np.asarray((found + 4.0) / 4.0, np.float32)

    def _mel(self, samples: Samples) -> NDArray[np.float32]:
        window = np.hanning(self.n_fft + 1)[:-1].astype("float32")
        spectrum = self.stft(samples, self.n_fft, self.hop_length, window=window, center=False, return_complex=True)
        power = np.abs(spectrum.astype("complex64")) ** 2
        return np.asarray(self.mel_filters @ power, np.float32)
