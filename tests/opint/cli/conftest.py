import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs():
    """Commands set up logging for their process; here that is the process of all tests."""
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()
