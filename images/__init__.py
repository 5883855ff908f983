"""One folder per image, what all of them share, and `images.toolkit`, which build.py runs."""
