"""The real command in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from engines.folders import engine_cache
from engines.shell import shell_word
from engines.verified import verified
from stream.capture.synthetic import read_number
from stream.commands.watch import published_at
from stream.errors import StreamError
from tests.conftest import MakeClip, blur2blur, read_clip, run_python


def test_file_in_file_out_with_statistics(make_clip: MakeClip, tmp_path: Path) -> None:
    clip, out, stats = make_clip(), tmp_path / "out.mp4", tmp_path / "s.json"
    result = blur2blur("live", clip, "--to", out, "--deblur", "on", "--stats", stats)
    assert result.returncode == 0, result.stderr
    before, after = read_clip(clip), read_clip(out)
    assert [t for t, _ in after] == pytest.approx([t for t, _ in before], abs=0.001)
    assert [read_number(pixels) for _, pixels in after] == list(range(25))
    figures = json.loads(stats.read_text())
    assert figures["frames_captured"] == figures["frames_output"] == 25
    assert figures["frames_dropped"] == {}
    assert figures["frames_bypassed"] == figures["frames_in_flight_at_end"] == 0
    assert set(figures["latency_ms"]) == {"capture", "wait", "engine", "output", "age"}
    assert all(set(v) == {"p50", "p95", "p99", "max"} for v in figures["latency_ms"].values())
    engine = figures["engine"]
    assert (engine["backend"], engine["profile"]) == ("openvino", "balanced")
    assert (engine["width"], engine["height"], engine["batch"]) == (160, 96, 1)
    assert engine["self_check_psnr_db"] >= 40
    assert 0 < engine["first_frame_s"] < 60
    (source,) = figures["sources"]
    assert source["state"] == "ended"
    assert (source["width"], source["height"], source["reconnects"]) == (160, 96, 0)
    assert figures["wall_s"] > 0
    assert figures["fps_output"] > 0


def test_runs_without_torch(tmp_path: Path) -> None:
    """As after a plain install: any import of torch fails."""
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "sys.argv = ['blur2blur', 'live', 'synthetic:160x96@0?seconds=1', '--to', 'out.mp4',"
        " '--deblur', 'on']\n"
        "from stream.cli import main\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(read_clip(tmp_path / "out.mp4")) == 30


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["missing.mp4", "--to", "null"], "does not exist"),
        ([".", "--to", "null"], "is a folder"),
        (["text.mp4", "--to", "null"], "Invalid data"),
        (["audio.mka", "--to", "null"], "holds no video"),
        (["camera:88", "--to", "null"], "doctor"),
        (["foo://x", "--to", "null"], "nothing is known of foo://"),
        (["synthetic:16x16", "--to", "null"], "at least"),
        (["x" * 300 + ".mp4", "--to", "null"], "does not exist"),
        (["rtsp://me:hidden[x]@127.0.0.1:9/x", "--to", "null"], "Connection refused"),
        (["demo", "--to", "no/such/folder/out.mp4"], "does not exist; make it first"),
        (["demo", "--to", "out.avi"], ".mp4 or .mkv"),
        (["demo", "--to", "photo.PNG"], "shown in a window (`--to window`), but none is written"),
        (["demo", "out.mp4"], "record there: --to out.mp4"),
        (["demo", "me:hidden@out.mkv"], "record there: --to"),
        (["demo", "--to", "ftp://x/y.mp4"], "nothing is known of ftp://"),
        (["demo", "--to", "null", "--profile", "nobody"], "no profile 'nobody'"),
        (["demo", "--to", "null", "--profile", ":x:"], "no profile ':x:'"),
        (["demo", "--to", "null", "--stats", "no/folder/s.json"], "make it first"),
        (["demo", "--to", "null", "--hand-region"], "give --hands, too"),
        (["demo", "--to", "null", "--max-hands", "2"], "--max-hands is about hands; give --hands"),
        (["demo", "--to", "null", "--hand-model", "f"], "--hand-model is about hands; give"),
        (["demo", "--to", "null", "--size", "big"], "not a size like 640x480"),
        (["huge.mkv", "--to", "null", "--deblur", "on"], "--size 1920x1080"),
        (["rtsp://me:hidden@127.0.0.1:9/x", "--to", "null"], "Connection refused"),
        (["demo", "--to", "window"], "--to out.mp4"),
        (["demo"], "--to out.mp4"),
    ],
)
def test_bad_input_ends_in_one_clear_line(
    make_clip: MakeClip, tmp_path: Path, arguments: list[str], seen: str
) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    if "huge.mkv" in arguments:
        make_clip("huge.mkv", pts_ms=[0], width=7680, height=4320, codec="mjpeg",
                  pixel_format="yuvj420p")  # fmt: skip
    if "audio.mka" in arguments:
        write_silence(tmp_path / "audio.mka")
    arguments[0] = str(tmp_path / arguments[0]) if arguments[0].endswith(("mkv", "mka")) or (
        arguments[0] in ("text.mp4", ".")
    ) else arguments[0]  # fmt: skip
    result = blur2blur("live", *arguments, DISPLAY="", WAYLAND_DISPLAY="")
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "hidden" not in result.stderr
    assert seen in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ("engine --sizes 160x96", "--sizes goes with --backend"),
        ("engine --batches 1", "--batches goes with --backend"),
        ("engine --backend openvino --size 160x96", "--size does not go with --backend"),
        ("engine --backend openvino --rounds 5", "--rounds does not go with --backend"),
        ("engine --backend openvino --frames 200", "--frames does not go with --backend"),
        ("blur2blur --data . --only paired", "--only goes with --train"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments: str, seen: str) -> None:
    result = blur2blur("bench", *arguments.split())
    assert result.returncode == 1
    assert seen in " ".join(result.stderr.split())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_statistics_that_could_not_be_written_are_told_of_before_the_first_frame() -> None:
    result = blur2blur(
        "live", "synthetic:160x96@30", "--to", "null", "--deblur", "off", "--seconds", "1",
        "--stats", "/proc/s.json",
    )  # fmt: skip
    assert result.returncode == 1
    assert "error: /proc/s.json cannot be written: " in result.stderr
    assert "frames out" not in result.stderr + result.stdout


def test_statistics_go_through_a_pipe() -> None:
    result = blur2blur(
        "live", "synthetic:160x96@30", "--to", "null", "--deblur", "off", "--seconds", "1",
        "--stats", "/dev/stdout",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["frames_output"] > 0


@pytest.mark.parametrize("address", ["127.0.0.1:5555", "tcp://127.0.0.1:5555"])
def test_an_address_to_watch_may_lack_its_scheme(address: str) -> None:
    assert published_at(address) == published_at(f"zmq+tcp://{address.removeprefix('tcp://')}")
    assert published_at(address) == "zmq+tcp://127.0.0.1:5555"
    assert published_at("ipc:///tmp/a") == "zmq+ipc:///tmp/a"
    assert published_at("ZMQ+TCP://127.0.0.1:5555") == "zmq+tcp://127.0.0.1:5555"
    assert published_at("Ipc:///tmp/A") == "zmq+ipc:///tmp/A"


@pytest.mark.parametrize(
    "address", ["http://192.168.1.5/video?x=1&y=2", "file:///tmp/a b.mp4", "rtsp://10.0.0.7/live"]
)
def test_command_that_is_offered_instead_of_watch_can_be_pasted(address: str) -> None:
    with pytest.raises(StreamError) as refused:
        published_at(address)
    assert f"`blur2blur live {shell_word(address)} --deblur off`" in str(refused.value)


def test_watch_of_what_no_publisher_is_tells_what_to_use() -> None:
    result = blur2blur("watch", "http://me:hidden@192.168.1.5:8080/video")
    assert result.returncode == 1
    assert "hidden" not in result.stderr
    told = " ".join(result.stderr.split())
    assert "`blur2blur live http://192.168.1.5:8080/video --deblur off`" in told


def write_silence(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("form", ["{clip}", "file://{clip}", "{link}", "{hard}"])
def test_source_is_never_overwritten(make_clip: MakeClip, form: str, tmp_path: Path) -> None:
    clip = make_clip()
    content = clip.read_bytes()
    link = tmp_path / "link.mkv"
    link.symlink_to(clip)
    hard = tmp_path / "hard.mkv"
    hard.hardlink_to(clip)
    result = blur2blur("live", form.format(clip=clip, link=link, hard=hard), "--to", clip)
    assert result.returncode == 1
    assert "is the source itself" in " ".join(result.stderr.split())
    assert clip.read_bytes() == content


def test_every_source_has_a_name_of_its_own(make_clip: MakeClip, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    clips = [make_clip(name, pts_ms=(0, 40)) for name in ("a-3.mkv", "a.mkv", "b/a.mkv")]
    stats = tmp_path / "s.json"
    result = blur2blur(
        "live", *clips, clips[1], "--to", "null", "--deblur", "off", "--stats", stats
    )
    assert result.returncode == 0, result.stderr
    names = [source["name"] for source in json.loads(stats.read_text())["sources"]]
    assert names[:2] == ["a-3", "a"]
    assert len(set(names)) == 4


def test_nor_by_a_recording_that_is_named_after_its_source(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    first, second = make_clip("a.mkv"), make_clip("x-b.mkv")
    content = second.read_bytes()
    second_again = second.rename(tmp_path / "x-a.mkv")
    result = blur2blur("live", first, second_again, "--to", tmp_path / "x.mkv")
    assert result.returncode == 1
    assert second_again.read_bytes() == content


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    result = blur2blur("live", "demo", "--to", out, "--to", out)
    assert result.returncode == 1
    assert "written twice" in " ".join(result.stderr.split())


def test_ctrl_c_ends_cleanly(tmp_path: Path) -> None:
    out, stats = tmp_path / "out.mkv", tmp_path / "s.json"
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30",
         "--to", str(out), "--stats", str(stats)],
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 0, errors
    figures = json.loads(stats.read_text())
    written = figures["outputs"][0]["written"]
    assert len(read_clip(out)) == written > 10
    dropped = sum(figures["frames_dropped"].values())
    assert figures["frames_captured"] == figures["frames_output"] + dropped


def test_ctrl_c_while_the_program_is_loaded_ends_it_without_a_word() -> None:
    program = (
        "import os, signal, sys\n"
        "class PressesKeys:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'stream.commands.train':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, PressesKeys())\n"
        "sys.argv = ['blur2blur', 'doctor']\n"
        "from stream.cli import main\n"
        "main()\n"
    )
    result = run_python(program)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_second_ctrl_c_ends_at_once_though_an_engine_is_compiled(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:1920x1080@0", "--to", "null",
         "--deblur", "on"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert run.stderr is not None
    assert run.stderr.readline().startswith("compiling the engine for 1920x1080, once")
    run.send_signal(signal.SIGINT)
    assert run.stderr.readline().startswith("ending…")
    time.sleep(1.1)
    run.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, errors = run.communicate(timeout=30)
    assert (run.returncode, errors) == (130, "")
    assert time.monotonic() - start < 3


@pytest.mark.skipif(sys.platform == "win32", reason="terminals do not hang up there")
def test_closed_terminal_ends_cleanly(tmp_path: Path) -> None:
    import fcntl
    import pty
    import termios

    def take_terminal() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    out, stats = tmp_path / "out.mkv", tmp_path / "s.json"
    terminal, end = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30",
         "--to", str(out), "--deblur", "off", "--stats", str(stats)],
        stdin=end, stdout=end, stderr=end,
        start_new_session=True,
        preexec_fn=take_terminal,
    )  # fmt: skip
    os.close(end)
    os.set_blocking(terminal, False)
    deadline = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.1)
        with suppress(BlockingIOError):
            os.read(terminal, 1 << 16)
    os.close(terminal)
    assert run.wait(timeout=30) == 0
    written = json.loads(stats.read_text())["outputs"][0]["written"]
    assert len(read_clip(out)) == written > 10


def test_doctor_says_what_would_run() -> None:
    result = blur2blur("doctor", COLUMNS="200")
    assert result.returncode == 0, result.stderr
    for topic in ("processor", "openvino", "engine", "cameras", "display", "extra train", "cache"):
        assert topic in result.stdout
    assert "self-check" in result.stdout
    assert "nvidia" in result.stdout
    if not verified(engine_cache()):
        assert "have never run where this program was made" in " ".join(result.stdout.split())


def test_version() -> None:
    assert blur2blur("--version").stdout.startswith("blur2blur ")
