"""How figures grow with the load: a curve for each thing of which there may be more.

`curves` says what is asked, `measure` starts ours and asks it, `page` writes what came of it.
"""
