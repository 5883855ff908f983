"""Every metric of ours: what is so and what was done goes in, what Prometheus reads at Ray's metrics port comes out.

    series     gauges, running totals and histograms, gathered here and said to Ray every few seconds
    traffic    what the front saw of each request, for all tasks alike
    models     whether each model answers, and the dates by which keys end
    cards      what the ledger gives each model of each GPU
    use        what each model really takes of them, as their drivers say
    steps      what vLLM's scheduler says of each step
    library    metrics that an engine's own library keeps

Ray writes `ray_` before each name, and labels of its own beside ours. The values of a label are names and numbers of
the values file, names of keys, statuses and codes of errors, never what a client wrote: there are only so many series.
"""
