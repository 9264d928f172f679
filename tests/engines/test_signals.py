import sys

import pytest

from tests.conftest import run_python

PROGRAM = """
import os, signal, time
from engines.signals import signals_received

before = signal.getsignal(signal.SIGTERM)
with signals_received() as received:
    assert not received
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)  # as torchrun hands on what its processes got, too
    assert received == [signal.SIGTERM, signal.SIGINT]
    time.sleep(1.1)
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        print("ended")
assert signal.getsignal(signal.SIGTERM) is before
"""


def test_first_signals_are_noted_and_a_later_one_ends_it() -> None:
    result = run_python(PROGRAM)
    assert (result.stdout.strip(), result.returncode) == ("ended", 0), result.stderr


IGNORED = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from engines.signals import signals_received

with signals_received() as received:
    os.kill(os.getpid(), signal.SIGHUP)
    assert not received
"""


@pytest.mark.skipif(sys.platform == "win32", reason="terminals do not hang up there")
def test_hangup_ends_it_but_where_nohup_said_otherwise() -> None:
    noted = IGNORED.replace("signal.SIG_IGN", "signal.SIG_DFL").replace("not received", "received")
    for program in (IGNORED, noted):
        result = run_python(program)
        assert result.returncode == 0, result.stderr
