from cep_orchestration_tests.leads.test_state_machine import *
from hypothesis import Verbosity
del test_nobody_is_reached_twice_and_nothing_is_out_of_sight_whatever_happens
class P(Promises):
    def teardown(self):
        print(len(self.asked), Counter((k[0],v.state) for k,v in self.now.items()), len(self.provider.messages), len(self.ledger.later))
        super().teardown()
        print("OK")
def test_x(cms):
    run_state_machine_as_test(lambda: P(cms), settings=settings(PROFILE,verbosity=Verbosity.verbose))
