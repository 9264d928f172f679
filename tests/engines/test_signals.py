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
