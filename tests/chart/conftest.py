"""Two renders that many tests ask: `homelab`, which must work as written, and `small`, two models on two cards."""

import warnings

import pytest

from tests.helm import Rendered, fleet, render

with warnings.catch_warnings():  # Ray's own modules use what pydantic has deprecated, and say so when first imported.
    warnings.simplefilter("ignore")
    import ray.serve.schema  # noqa: F401


@pytest.fixture(scope="session")
def homelab() -> Rendered:
    return render("homelab")


@pytest.fixture(scope="session")
def small() -> Rendered:
    return render(fleet())
