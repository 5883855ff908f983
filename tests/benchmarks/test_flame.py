"""Where a replica's time goes, from stacks as py-spy writes them."""

from benchmarks.flame import shares

STACKS = """\
main (ray/_private/workers/default_worker.py:320);step (vllm/v1/engine/core.py:430);linear (torch/nn/functional.py:1) 60
main (ray/_private/workers/default_worker.py:320);step (vllm/v1/engine/core.py:430);sorted (heapq.py:3) 20
main (ray/_private/workers/default_worker.py:320);sent (serve/express.py:12);dumps (json/__init__.py:231) 15
run (threading.py:1010) 5
"""


def test_a_sample_counts_for_the_innermost_package_that_it_is_in() -> None:
    assert shares(STACKS) == {"torch": 60, "vllm": 20, "serve": 15, "others": 5}
