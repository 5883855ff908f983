"""How much memory a model takes: what its folder or the hub says of it goes in, a proposal for `memory` comes out.

Nothing is loaded. `config` reads JSON files, `architecture` is what they say, and `weights`, `cache` and `activations`
count each a part; `entry` knows what an engine makes of its options, and `estimate` adds up. docs/memory.md compares
the results with published numbers.
"""
