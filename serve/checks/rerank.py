"""Whether documents get relevances that order them: the same alone and among others, the relevant one first."""

import numpy as np

from serve.checks import Way, must

QUERY = "Which animal says meow?"
DOCUMENTS = (
    "Shares fell on Monday, when the central bank raised interest rates more than analysts had expected.",
    "A cat meows when it is hungry.",
    "Concrete is made of cement, sand and water.",
)
RELEVANT = 1
SAME = 0.02  # Relevances of half precision, in batches of different length.


async def check(way: Way, meaning: bool) -> str:
    scores = await _relevances(way, DOCUMENTS)
    (alone,) = await _relevances(way, DOCUMENTS[RELEVANT:][:1])
    must(np.ptp(scores) > 0, f"every document has the relevance {scores[0]}")
    must(abs(alone - scores[RELEVANT]) < SAME, f"relevance {alone} alone, {scores[RELEVANT]} among others")
    remark = f"relevance {scores[RELEVANT]:.2f} of the answer, {np.delete(scores, RELEVANT).max():.2f} of the next"
    must(scores.argmax() == RELEVANT or not meaning, f"documents that are none come before the answer: {remark}")
    return remark


async def _relevances(way: Way, documents: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """In the order of the documents; they are answered in the order of relevance."""
    results = (await way.ask("/v1/rerank", query=QUERY, documents=documents))["results"]
    must(sorted(item["index"] for item in results) == list(range(len(documents))), f"documents {results}")
    found = np.array([item["relevance_score"] for item in results], np.float64)
    must(((found >= 0) & (found <= 1)).all(), f"relevances are not between 0 and 1: {found.tolist()}")
    must((np.diff(found) <= 0).all(), f"documents come out of order: {found.tolist()}")
    return found[np.argsort([item["index"] for item in results])]
