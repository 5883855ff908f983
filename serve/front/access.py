"""What may change of the front door while a replica runs: Serve's `user_config` goes in, typed."""

from serve.values import Closed, Limits


class Access(Closed):
    """The chart writes it for each model."""

    limits: Limits = Limits()
    """What each key may use of the model."""
    origins: tuple[str, ...] = ()
    """Whose pages may read answers in a browser."""
