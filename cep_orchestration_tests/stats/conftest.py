"""What the tests of the statistics share."""

import pytest

from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.stats.books import Books, books_of


@pytest.fixture
def books(cms: DemoCms) -> Books:
    """A database in which nobody has asked and nothing was spent yet."""
    return books_of(cms)
