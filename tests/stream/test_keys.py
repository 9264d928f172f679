"""Keys: who is let in."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from stream.errors import OutputError, StreamError
from stream.keys import load_key, new_key
from stream.output.publisher import Publisher
from stream.subscription import subscribe
from tests.conftest import blur2blur, run_python
from tests.stream.publishing import first_frame, processed

WHOLE = 'curve\n    public-key = "fG{FvjpHS@i#I{e0ho<Ro$<Jh4VM(1U>2-5VWCct"\n'
BROKEN = {
    "other": "no key",
    "torn": WHOLE[: WHOLE.index(" =")],
    "short": WHOLE[:-7] + '"\n',
    "empty": 'curve\n    public-key = ""\n',
    "umlaut": WHOLE.replace("fG", "ü"),
    "impossible": WHOLE.replace("fG{Fv", "#####"),
    "half": WHOLE + '    secret-key = "fG{Fv"\n',
}


def is_let_in(publisher: Publisher, server: Path, own: Path) -> bool:
    with subscribe(f"{publisher.address}?server={server}&key={own}") as frames:
        for number in range(25):
            publisher.write(processed(number))
            if frames.next_frame(0.04) is not None:
                return True
    return False


def test_only_those_with_an_authorised_key_are_let_in(tmp_path: Path) -> None:
    for name in ("studio", "friend", "stranger"):
        new_key(name, tmp_path)
    allowed = tmp_path / "authorised"
    (allowed / "friend.key").write_bytes((tmp_path / "friend.key").read_bytes())
    publisher = Publisher(
        f"zmq+tcp://0.0.0.0:*?key={tmp_path / 'studio.key_secret'}&authorised={allowed}"
    )
    port = publisher.address.rpartition(":")[2]
    address = f"tcp://127.0.0.1:{port}"
    server = f"server={tmp_path / 'studio.key'}"
    other = f"server={tmp_path / 'stranger.key'}"
    try:
        with (
            subscribe(f"{address}?{server}&key={tmp_path / 'friend.key_secret'}") as friend,
            subscribe(f"{address}?{server}&key={tmp_path / 'stranger.key_secret'}") as stranger,
            subscribe(f"{address}?{server}") as nobody,
            subscribe(f"{address}?{other}&key={tmp_path / 'friend.key_secret'}") as deceived,
            subscribe(address) as plain,
        ):
            first_frame(publisher, friend)
            for number in range(20):
                publisher.write(processed(number))
                time.sleep(0.02)
            for shut_out in (stranger, nobody, deceived, plain):
                assert shut_out.counts.received == 0
    finally:
        publisher.close()


def test_keys_are_added_and_taken_away_while_a_publisher_runs(tmp_path: Path) -> None:
    for name in ("studio", "early", "late"):
        new_key(name, tmp_path)
    allowed = tmp_path / "authorised"
    for name, text in BROKEN.items():
        (allowed / f"{name}.key").write_text(text)
    for name in ("a", "z"):
        (allowed / f"{name}.key").symlink_to("too long" * 40)  # which cannot even be looked at
    publisher = Publisher(
        f"zmq+tcp://127.0.0.1:*?key={tmp_path / 'studio.key_secret'}&authorised={allowed}"
    )

    def lets_in(name: str) -> bool:
        return is_let_in(publisher, tmp_path / "studio.key", tmp_path / f"{name}.key_secret")

    try:
        (allowed / "folder.key").mkdir()
        assert not lets_in("late")
        for name in ("early", "late"):
            (allowed / f"{name}.key").write_bytes((tmp_path / f"{name}.key").read_bytes())
        assert lets_in("early")
        assert lets_in("late")
        (allowed / "early.key").unlink()
        assert not lets_in("early")
        assert lets_in("late")
    finally:
        publisher.close()


def test_nobody_is_let_in_while_the_folder_cannot_be_read_and_then_they_are(
    tmp_path: Path,
) -> None:
    for name in ("studio", "friend"):
        new_key(name, tmp_path)
    own, server = tmp_path / "friend.key_secret", tmp_path / "studio.key"
    allowed, away = tmp_path / "authorised", tmp_path / "away"
    (allowed / "friend.key").write_bytes((tmp_path / "friend.key").read_bytes())
    with closing(Publisher(f"zmq+tcp://127.0.0.1:*?key={server}_secret")) as publisher:
        allowed.rename(away)
        allowed.symlink_to("too long" * 40)
        assert not is_let_in(publisher, server, own)
        allowed.unlink()
        away.rename(allowed)
        assert is_let_in(publisher, server, own)


def test_those_beside_the_publishers_own_key_are_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    studio, friend, stranger = (new_key(n, tmp_path) for n in ("studio", "friend", "stranger"))
    of_others = new_key("other").parent / "authorised"
    allowed = tmp_path / "authorised"
    (allowed / "friend.key").write_bytes(friend.read_bytes())
    (of_others / "stranger.key").write_bytes(stranger.read_bytes())
    monkeypatch.chdir(tmp_path)
    for key in (tmp_path / "studio.key_secret", "studio.key_secret"):
        with closing(Publisher(f"zmq+tcp://127.0.0.1:*?key={key}")) as publisher:
            assert is_let_in(publisher, studio, friend.with_suffix(".key_secret"))
            assert not is_let_in(publisher, studio, stranger.with_suffix(".key_secret"))
    with closing(Publisher("zmq+tcp://127.0.0.1:*?key=other")) as publisher:
        server = of_others.with_name("other.key")
        assert is_let_in(publisher, server, stranger.with_suffix(".key_secret"))


def test_publisher_without_a_folder_of_authorised_keys_is_told_how_to_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    new_key("other")
    key = new_key("studio", tmp_path).with_suffix(".key_secret")
    (tmp_path / "authorised").rmdir()
    with pytest.raises(OutputError, match="keys new") as seen:
        Publisher(f"zmq+tcp://127.0.0.1:*?key={key}")
    assert str(tmp_path / "authorised") in str(seen.value)


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_key_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "studio.key"
    file.write_text(text)
    with pytest.raises(StreamError, match=r"no whole key in .*studio\.key; copy the file again"):
        subscribe(f"tcp://127.0.0.1:9?server={file}")
    with pytest.raises(OutputError, match="no whole key"):
        Publisher(f"zmq+tcp://127.0.0.1:*?key={file}&authorised={tmp_path}")


def test_half_of_what_protects_is_refused_not_ignored(tmp_path: Path) -> None:
    new_key("friend", tmp_path)
    with pytest.raises(StreamError, match=r"not server=.*add &server=NAME"):
        subscribe(f"tcp://127.0.0.1:5555?key={tmp_path / 'friend.key_secret'}")
    with pytest.raises(OutputError, match=r"not key=.*add &key=NAME"):
        Publisher(f"zmq+tcp://127.0.0.1:*?authorised={tmp_path / 'authorised'}")
    server = f"server={tmp_path / 'friend.key'}"
    for empty in (f"{server}&key=", f"{server}&key", "server=", "source="):
        with pytest.raises(StreamError, match=r"\w+= is empty"):
            subscribe(f"tcp://127.0.0.1:5555?{empty}")
    for empty in ("key=", f"key={tmp_path / 'friend.key_secret'}&authorised="):
        with pytest.raises(OutputError, match=r"\w+= is empty"):
            Publisher(f"zmq+tcp://127.0.0.1:*?{empty}")


def test_a_file_that_is_called_like_a_key_hides_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    new_key("studio")
    (tmp_path / "studio").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_key("studio", with_secret=True).secret is not None


def test_key_may_be_called_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    public = new_key("studio")
    assert load_key("studio.key", with_secret=False) == load_key("studio", with_secret=False)
    assert load_key("studio.key_secret", with_secret=True).secret is not None
    with pytest.raises(StreamError, match=r"studio\.key holds no secret key"):
        load_key("studio.key", with_secret=True)
    with pytest.raises(StreamError, match=r"keys/lost\.key, nor in a file lost\.key here;"):
        load_key("lost.key", with_secret=False)
    theirs = new_key("studio", tmp_path)
    assert load_key("studio.key", with_secret=False) == load_key(str(theirs), with_secret=False)
    assert load_key("studio", with_secret=False) == load_key(str(public), with_secret=False)
    theirs.rename("lost.key")
    assert load_key("lost.key", with_secret=False) == load_key(
        str(Path.cwd() / "lost.key"), with_secret=False
    )


WRITES_A_KEY = """
import os, sys
from pathlib import Path
from stream.keys import new_key

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".key_secret") and arguments[1] == "w":
        print(oct(os.stat(arguments[0]).st_mode & 0o777))

os.umask(0)
sys.addaudithook(watch)
new_key("studio", Path(sys.argv[1]))
"""


def test_secret_is_private_before_it_is_written(tmp_path: Path) -> None:
    result = run_python(WRITES_A_KEY, str(tmp_path / "keys"))
    assert (result.stdout, result.stderr) == ("0o600\n", "")
    for folder in (tmp_path / "keys", tmp_path / "keys" / "authorised"):
        assert folder.stat().st_mode & 0o077 == 0


def test_keys_are_private_and_not_overwritten(tmp_path: Path) -> None:
    public = new_key("studio", tmp_path)
    assert public.with_suffix(".key_secret").stat().st_mode & 0o077 == 0
    secret = load_key(str(public.with_suffix(".key_secret")), with_secret=True).secret
    assert secret is not None
    assert secret not in public.read_bytes()
    with pytest.raises(StreamError, match="there already"):
        new_key("studio", tmp_path)
    with pytest.raises(StreamError, match="not a name"):
        new_key("../evil", tmp_path)
    result = blur2blur("keys", "new", "laptop", "--to", tmp_path)
    assert result.returncode == 0
    text = (tmp_path / "laptop.key_secret").read_text()
    assert text.splitlines()[-1].split('"')[1] not in result.stdout + result.stderr
