"""`make soak`: an hour of load on all models of a values file, whose replicas are killed; a verdict comes out.

`load` asks each model without a pause, `kills` ends a replica now and then, `held` looks at memory and files of each
process, `verdict` judges what was seen, and `page` writes it down.
"""

WARM_UP = 0.15
"""Of the time: caches fill, allocators take what they keep."""
