"""Addresses without their secrets."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_SECRET = re.compile(r"pass|pwd|token|key|secret|auth|user|login|sig", re.IGNORECASE)


def scheme_of(uri: str) -> str:
    """The part before ``://`` in lower case, or an empty string."""
    head, separator, _ = uri.partition("://")
    return head.lower() if separator else ""


def without_credentials(uri: str) -> str:
    """The address without user, password and secret-looking query values.

    >>> without_credentials("rtsp://me:pw@10.0.0.7/live?token=abc&q=1")
    'rtsp://10.0.0.7/live?token=***&q=1'
    """
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    query = parts.query
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_SECRET.search(key) for key, _ in pairs):
        hidden = [(key, "***" if _SECRET.search(key) else value) for key, value in pairs]
        query = urlencode(hidden, safe="*")
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
