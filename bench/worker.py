"""One run's work in a process of its own, as a run of process_leads does it: python -m bench.worker. Settings come from
the environment; prints what it cost as JSON."""

import json
import os
import resource
import threading
import time

from cep_orchestration import definitions  # noqa: F401 - a run starts by importing the project
from cep_orchestration.environment import read_settings
from cep_orchestration.lead_composition import lead_services
from cep_orchestration.leads.drain import Drain

DRAIN_ID = "bench"


def main() -> None:
    services = lead_services(read_settings(os.environ))  # noqa: TID251 - stands for a run's process
    story = Drain(DRAIN_ID, services).run(threading.Event())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"recorded": story.recorded, "cpu_seconds": time.process_time(), "peak_mb": peak}
    print(json.dumps({**cost, "requests": services.requests}))


if __name__ == "__main__":
    main()
