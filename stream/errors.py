"""The errors of the live side. Each message names the thing, what was seen, and what to do."""


class StreamError(Exception):
    """Anything that ends a job with one clear line."""


class SourceError(StreamError):
    """A source cannot be opened or read."""


class SourceSilentError(SourceError):
    """Nothing has come yet of a source that may come up later; it is worth waiting for."""


class SourceUnfitError(SourceError):
    """A source gives what cannot be used, also when it is opened again."""


class OutputError(StreamError):
    """An output cannot be opened or written."""


class SourceLeftOutError(OutputError):
    """An output takes no further frame of this source; it does of others."""
