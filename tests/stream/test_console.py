import re

from engines.profile import Profile
from stream.capture import open_source
from stream.console import advice
from stream.output.null import Null
from tests.conftest import MakeClip
from tests.stream.test_pipeline import run


def test_who_loses_frames_to_a_slow_engine_is_told_what_is_faster(
    balanced: Profile, quick: Profile, make_clip: MakeClip
) -> None:
    slow = run(balanced, [open_source("synthetic:480x320@400?seconds=2")], [Null()])
    assert re.fullmatch(
        r"the engine takes up to \d+ ms a frame, and \d+ % of the frames are left out; "
        r"--model fast is faster, and so is a smaller --size",
        advice(slow) or "",
    )
    slow = run(quick, [open_source("synthetic:480x320@400?seconds=2")], [Null()])
    assert (advice(slow) or "").endswith("left out; faster is a smaller --size")
    lossless = run(quick, [open_source(str(make_clip(pts_ms=range(0, 4800, 40))))], [Null()])
    assert lossless.ledger.captured == 120
    assert advice(lossless) is None
