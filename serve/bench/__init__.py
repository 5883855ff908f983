"""Load on an OpenAI-compatible address: what to ask, how many at once, and what came of it.

`work/<task>.py` makes requests, `load` sends them and times them, `figures` sums up, `plot` draws; `ceiling` says how
much this client itself could do, so that nobody takes its limit for the server's.
"""
