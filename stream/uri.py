"""Addresses without their secrets."""

import re

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]*):/{1,2}", re.IGNORECASE)
_DRIVE = re.compile(r"^[a-z]:[\\/]", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(r"^\S+:\S*@")
_NAMED_SECRET = re.compile(
    r"(?P<name>\w*(?:pass|pwd|token|key|secret|auth|user|usr|login|sig)\w*|pw)(?P<sign>[=:])"
    r"[^&/?#;]*",
    re.IGNORECASE,
)
_HOST = re.compile(r"^[^:]+:/{1,2}(?P<host>\[[^\]]*\]|[^/:?#]*)")
_BEGINS_WITH_HOST = re.compile(
    r"^(\S*@)?(?P<host>(\d+\.){3}\d+|localhost|([\w-]+\.)+[a-z]{2,})(:(?P<port>\d+))?(/|$)",
    re.IGNORECASE,
)
_RTSP_PORTS = ("554", "8554")


def scheme_of(uri: str) -> str:
    """The part before ``://`` in lower case, or an empty string."""
    head, separator, _ = uri.partition("://")
    return head.lower() if separator else ""


def host_of(uri: str) -> str:
    """The host of an address with a scheme, or an empty string."""
    found = _HOST.match(without_credentials(uri))
    return found["host"].strip("[]") if found else ""


def without_credentials(uri: str) -> str:
    """The address without user and password, and with secret-looking values as ``***``.

    It errs on the side of hiding: whatever stands before the last ``@`` goes, also where a
    password holds characters that an address may not, or where the scheme was forgotten. A path
    that begins with a drive's letter is no address.

    >>> without_credentials("rtsp://me:p/w@10.0.0.7/live?token=abc&q=1")
    'rtsp://10.0.0.7/live?token=***&q=1'
    """
    if _DRIVE.match(uri):
        return uri
    found = _SCHEME.match(uri)
    if found is None:
        return _USER_AND_PASSWORD.sub("***@", uri)
    rest = uri[found.end() :].rpartition("@")[2]
    return found[0] + _NAMED_SECRET.sub(r"\g<name>\g<sign>***", rest)


def with_forgotten_scheme(text: str) -> str | None:
    """The address that is meant by one without a scheme, without credentials; None if none is.

    >>> with_forgotten_scheme("192.168.1.5:8080/video")
    'http://192.168.1.5:8080/video'
    """
    found = _BEGINS_WITH_HOST.match(text)
    if found is None or not ("/" in text or found["port"]):
        return None
    scheme = "rtsp" if found["port"] in _RTSP_PORTS else "http"
    return f"{scheme}://{text[found.start('host') :]}"
