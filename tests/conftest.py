"""Settings for every test."""

import os
import signal

from hypothesis import HealthCheck, settings

# No deadlines: a shared machine stalls now and then, and speed is the benchmarks' business. CI draws the same examples
# every time, so that a red run there is always about the change; a developer's machine keeps looking for new ones.
settings.register_profile(
    "lvtools", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=os.environ.get("CI") == "true"
)
settings.load_profile("lvtools")

# A shell ignores Ctrl-C in what it runs behind a '&', and so would the commands that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
