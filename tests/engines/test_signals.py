from tests.conftest import run_python

PROGRAM = """
import os, signal
from engines.signals import signals_received

before = signal.getsignal(signal.SIGTERM)
with signals_received() as received:
    assert not received
    os.kill(os.getpid(), signal.SIGTERM)
    assert received == [signal.SIGTERM]
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        print("ended")
assert signal.getsignal(signal.SIGTERM) is before
"""


def test_first_signal_is_noted_and_a_second_one_ends_it() -> None:
    result = run_python(PROGRAM)
    assert (result.stdout.strip(), result.returncode) == ("ended", 0), result.stderr
