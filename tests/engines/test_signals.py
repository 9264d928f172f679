import os
import signal

import pytest

from engines.signals import signals_received


def test_first_signal_is_noted_and_a_second_one_ends_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals_received() as received:
        assert not received
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == [signal.SIGTERM]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
