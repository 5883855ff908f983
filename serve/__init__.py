"""The package in every image: an entry of the values file goes in, answers over HTTP come out.

The reading order is the request's: `values` says what may be asked, `tasks/<task>` turns an entry into a Serve
application, `replica` is what the five share, `engine` finds `engines/<engine>`, `gateway` answers at `/`.
"""

__version__ = "0.1.0"
