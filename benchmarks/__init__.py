"""Side by side: ours and each peer serve the same weights on the same machine, and a table of ratios comes out.

`peers/<peer>.py` is a server that is compared, `tasks/<task>.py` what it is asked and how answers are compared.
`rounds` runs them one after the other, `client` measures one, and `results` writes what was measured as a page. `goals`
is what we want to reach.
"""
