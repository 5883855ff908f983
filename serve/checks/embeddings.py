"""Whether texts become vectors that can be compared: of unit length, one text's the same alone and in a batch."""

import numpy as np
from numpy.typing import NDArray

from serve.checks import Way, must

TEXT = "The cat is asleep on the sofa."
PARAPHRASE = "A kitten naps on the couch."
OTHER = "Interest rates were raised by the central bank this quarter, as analysts had expected since the spring."
SAME = 0.99  # Cosine: a longer text beside it changes how it is padded and rounded.
APART = 0.99999


async def check(way: Way, meaning: bool) -> str:
    vectors = await _vectors(way, TEXT, PARAPHRASE, OTHER)
    (alone,) = await _vectors(way, TEXT)
    lengths = np.linalg.norm(vectors, axis=1)
    must(np.isfinite(vectors).all(), "vectors hold what is no number")
    must(np.abs(lengths - 1).max() < 0.01, f"vectors have the lengths {lengths.round(3).tolist()} and not 1")
    same = vectors[0] @ alone
    must(same > SAME, f"a text has another vector alone than in a batch: cosine {same:.4f}")
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    must(max(near, far) < APART, "different texts have the same vector")
    remark = f"{len(alone)} dimensions; cosine {near:.2f} to a paraphrase, {far:.2f} to another subject"
    must(near > far or not meaning, remark)
    return remark


async def _vectors(way: Way, *texts: str) -> NDArray[np.float64]:
    data = (await way.ask("/v1/embeddings", input=texts))["data"]
    must(len(data) == len(texts), f"{len(texts)} texts have {len(data)} vectors")
    return np.array([item["embedding"] for item in data], np.float64)
