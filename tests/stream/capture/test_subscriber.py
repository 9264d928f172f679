from contextlib import closing

from stream.capture import SourceOptions, open_source
from stream.capture.source import Size
from stream.output.publisher import Publisher
from tests.stream.test_publish_subscribe import two_cameras


def test_pictures_are_fitted_into_the_size_that_was_asked(publisher: Publisher) -> None:
    with two_cameras(publisher):  # of 160x96
        options = SourceOptions(size=Size(80, 80))
        source = open_source(f"zmq+{publisher.address}?source=left", options)
        with closing(source.open()) as capture:
            assert (capture.info.width, capture.info.height) == (80, 48)
            assert next(iter(capture.pictures())).pixels.shape == (48, 80, 3)
