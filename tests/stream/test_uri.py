import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.uri import scheme_of, without_credentials

SECRET = st.text("abcdefghXYZ0123456789!$~", min_size=6, max_size=20).map(lambda s: f"S3{s}S3")


@given(user=SECRET, password=SECRET, token=SECRET)
def test_no_secret_survives(user: str, password: str, token: str) -> None:
    shown = without_credentials(f"rtsp://{user}:{password}@10.0.0.7:554/live?token={token}&ch=1")
    assert user not in shown
    assert password not in shown
    assert token not in shown
    assert shown.startswith("rtsp://10.0.0.7:554/live?")
    assert shown.endswith("ch=1")


@pytest.mark.parametrize("uri", ["clip.mp4", "/dev/video0", "rtsp://host/path?x=1", "camera:0"])
def test_addresses_without_secrets_stay_as_they_are(uri: str) -> None:
    assert without_credentials(uri) == uri


def test_scheme() -> None:
    assert scheme_of("RTSP://x") == "rtsp"
    assert scheme_of("C:\\clip.mp4") == ""
