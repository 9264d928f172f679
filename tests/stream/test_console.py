import re
from io import StringIO

from rich.console import Console

from engines.profile import Profile
from stream.capture import open_source
from stream.console import advice, live_line, status_lines, summary
from stream.deblurring import Deblurring
from stream.output.null import Null
from stream.pipeline import Pipeline
from tests.conftest import MakeClip
from tests.stream.whole_runs import Keeper, SlowToBuild, run


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


def test_frames_that_came_while_an_engine_was_built_do_not_make_it_slow(quick: Profile) -> None:
    camera = open_source("synthetic:160x96@40?seconds=4")
    camera.own_clock = True  # it runs while the engine is built
    engines = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "on")
    pipeline = Pipeline([camera], [Null()], engines)
    pipeline.run()
    assert pipeline.ledger.captured == 160
    assert pipeline.ledger.dropped["engine_building"] > 35
    assert advice(pipeline) is None


def test_line_that_is_printed_meanwhile_spoils_nothing(quick: Profile, make_clip: MakeClip) -> None:
    pipeline = run(quick, [open_source(str(make_clip("[red]a.mkv")))], [Null()], mode="off")
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with live_line(pipeline, console) as line:
        line.update()
        console.print("[x] said", markup=False, highlight=False)
    assert "[red]a" in screen.getvalue()
    assert "[bold]" not in screen.getvalue()


def test_what_is_not_deblurred_is_not_called_sharp(quick: Profile, make_clip: MakeClip) -> None:
    pipeline = run(quick, [open_source(str(make_clip()))], [Null()], mode="off")
    assert "0 dropped, 25 passed" in status_lines(pipeline, 0.0)


def test_losses_of_one_output_are_told_though_another_took_the_frames(quick: Profile) -> None:
    slow = Keeper(delay_s=0.2)
    source = open_source("synthetic:160x96@30?seconds=1")
    pipeline = run(quick, [source], [Null(), slow], mode="off")
    left_out = pipeline.ledger.output - len(slow.frames)
    assert left_out > 5
    assert f"\nnull: {len(slow.frames)} written, {left_out} left out" in summary(pipeline)
    assert summary(pipeline).count("left out") == 1
