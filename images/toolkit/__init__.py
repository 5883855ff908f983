"""What `python build.py` does: folders of images/ go in; tested, published images and their digests come out.

The reading order is an image's: `vendors` finds its folder, `plan` says what will be built, `context` packs the files,
`building` makes an id of them, `contract` tries it, `sbom` writes what is in it, `publishing` sends it to a registry,
`digests` tells the chart. `assembly` is that sequence, `cli` the command line, `report` all that is printed.
"""
