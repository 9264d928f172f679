import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.capture import SourceOptions, open_source
from stream.errors import SourceError
from stream.uri import host_of, scheme_of, without_credentials

SECRET = st.text("abcdefghXYZ0123456789!$~[]/?#", min_size=6, max_size=20).map(lambda s: f"S3{s}S3")
WORD = st.text("abcdefghXYZ0123456789!$~", min_size=6, max_size=20).map(lambda s: f"S3{s}S3")


@given(user=SECRET, password=SECRET, token=WORD)
def test_no_secret_survives(user: str, password: str, token: str) -> None:
    address = f"rtsp://{user}:{password}@10.0.0.7:554/live?token={token}&ch=1"
    shown = without_credentials(address)
    for secret in (user, password, token):
        assert secret not in shown
    assert shown == "rtsp://10.0.0.7:554/live?token=***&ch=1"
    source = open_source(address)
    assert source.name == "10.0.0.7"
    assert source.uri == shown


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://10.0.0.7/user=admin_password=SECRET_channel=1",
        "http://10.0.0.7/video?usr=me&pw=SECRET",
        "user:SECRET@10.0.0.7/live",
        "rtsp:/user:SECRET@10.0.0.7/live",
        "rtsp://user:SECRET[@10.0.0.7/live",
        "rtsp://[SECRET]:x@10.0.0.7/live",
    ],
)
def test_secrets_in_unusual_places_are_hidden_too(address: str) -> None:
    assert "SECRET" not in without_credentials(address)
    source = open_source(address)
    assert "SECRET" not in source.uri + source.name
    if "/live" in address and not address.startswith("rtsp://"):
        with pytest.raises(SourceError) as caught:
            open_source(address, SourceOptions()).open()
        assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "clip.mp4", "clip@home.mp4", "/dev/video0", "rtsp://host/path?x=1", "camera:0",
        "http://[fe80::1]:8080/video", r"C:\Users\joe@corp\clip.mp4", "c:/Users/joe@corp/clip.mp4",
    ],
)  # fmt: skip
def test_addresses_without_secrets_stay_as_they_are(uri: str) -> None:
    assert without_credentials(uri) == uri


def test_parts() -> None:
    assert scheme_of("RTSP://x") == "rtsp"
    assert scheme_of("C:\\clip.mp4") == ""
    assert host_of("http://me:pw@[fe80::1]:8080/video") == "fe80::1"
    assert host_of("clip.mp4") == ""
