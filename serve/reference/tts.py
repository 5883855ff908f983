"""How long a sentence takes to speak, and how its energy lies over the tones.

Samples are not compared: a vocoder draws noise, which another device draws otherwise.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np

from serve.checks import must
from serve.checks.tts import TEXT
from serve.engine import Synthesizer

ASKED = TEXT
EDGES = np.geomspace(100, 8000, 25)  # Hertz, of bands about as wide as the ear's.
DEEPEST = 40.0  # Decibels below the loudest band, under which there is only noise.
LONGER = 0.05  # Lengths of phonemes are rounded to frames, a few of them otherwise.
LOUDER = 3.0  # Decibels, in the mean of the bands: a listener hears a change of the voice from about there.


async def answers(engine: Synthesizer) -> dict[str, Any]:
    return await asyncio.to_thread(_spoken, engine)


def _spoken(engine: Synthesizer) -> dict[str, Any]:
    rate = engine.sample_rate()
    samples = np.concatenate(list(engine.speak(ASKED, voice=engine.voices()[0], speed=1))).astype(np.float64)
    energy, tones = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / rate)
    bands, _ = np.histogram(tones, EDGES, weights=energy)
    levels = 10 * np.log10(np.maximum(bands, 1e-30))
    return {"seconds": len(samples) / rate, "decibels": (levels - levels.max()).round(2).tolist()}


def compare(found: Mapping[str, Any], expected: Mapping[str, Any], precision: str) -> None:
    """Raises Wrong with the lengths or with the distance of the voices."""
    here, there = found["seconds"], expected["seconds"]
    must(abs(here - there) <= LONGER * there, f"a sentence takes {here:.2f} seconds, by the reference {there:.2f}")
    levels = np.maximum([found["decibels"], expected["decibels"]], -DEEPEST)
    distance = float(np.sqrt(((levels[0] - levels[1]) ** 2).mean()))
    must(distance <= LOUDER, f"a sentence sounds otherwise than the reference: {distance:.1f} dB between their tones")
