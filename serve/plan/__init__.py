"""What a change of the values does to a running service: two renders of the chart go in, a verdict comes out.

`cluster` is the operator's own rule, `models` what Serve does, `demand` and `nodes` whether the GPUs are there,
`budgets` whose memory is too small. `plan` puts them together, `live` asks a cluster by kubectl, `words` and `picture`
print; who takes what of each GPU is in the render (serve/ledger.py).
"""
