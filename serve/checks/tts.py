"""Whether text becomes sound: of a length that can be spoken, neither silence nor noise."""

import numpy as np
from numpy.typing import NDArray

from serve.audio import SPOKEN_RATE
from serve.checks import Way, must

TEXT = "The quick brown fox jumps over the lazy dog."
SECONDS = (1, 20)
QUIET = 0.003  # Root of the mean square, of full scale.
CUT = 0.05  # Of the samples at full scale.
VOICE = 4000  # Hertz, below which speech has nearly all of its energy; noise has a third of it there.


async def check(way: Way, meaning: bool) -> str:
    content = await way.post("/v1/audio/speech", input=TEXT, response_format="pcm")
    must(len(content) % 2 == 0, f"{len(content)} bytes are no samples of two bytes")
    samples = np.frombuffer(content, "<i2").astype(np.float64) / 2**15
    seconds = len(samples) / SPOKEN_RATE
    must(SECONDS[0] <= seconds <= SECONDS[1], f"nine words take {seconds:.1f} seconds")
    loudness = float(np.sqrt((samples**2).mean()))
    must(loudness > QUIET, f"silence: a loudness of {loudness:.5f}")
    cut = float((np.abs(samples) > 0.999).mean())
    must(cut < CUT, f"{cut:.0%} of the samples are at full scale")
    voiced = _share_below(samples, VOICE)
    must(voiced > 0.6 or not meaning, f"noise: {voiced:.0%} of the energy lies below {VOICE} Hz")
    return f"speaks for {seconds:.1f} seconds, {voiced:.0%} of the energy where voices are"


def _share_below(samples: NDArray[np.float64], hertz: float) -> float:
    energy = np.abs(np.fft.rfft(samples)) ** 2
    voice = np.fft.rfftfreq(len(samples), 1 / SPOKEN_RATE) < hertz
    return float(energy[voice].sum() / energy.sum())
