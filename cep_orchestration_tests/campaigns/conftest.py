"""What the tests of the campaigns share."""

import pytest

from cep_orchestration_tests.campaigns.ad_fakes import AdDesk, desk_of
from cep_orchestration_tests.demo_cms import DemoCms


@pytest.fixture
def desk(cms: DemoCms) -> AdDesk:
    """A CMS without campaigns, and an empty ad account."""
    return desk_of(cms)
