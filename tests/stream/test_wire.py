import copy
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.wire import (
    VERSION,
    EngineNote,
    HandNote,
    HandsNote,
    Header,
    WireError,
    clock_name,
    encoded,
    pack,
    unpack,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def header(**changes: object) -> Header:
    values = {
        "version": VERSION,
        "source": "Küche",
        "sequence": 7,
        "width": 32,
        "height": 24,
        "dtype": "uint8",
        "encoding": "raw",
        "pts_s": 1.5,
        "captured_ns": 10,
        "engine_ns": 20,
        "published_ns": 30,
        "wall_ns": 40,
        "clock": clock_name(),
        "bypassed": False,
        "blur": 0.25,
        "engine": EngineNote(backend="openvino", device="CPU", precision="bf16", profile="fast"),
    }
    return Header(**{**values, **changes})  # type: ignore[arg-type]


def packed(
    header: Header, pixels: NDArray[np.uint8], *, jpeg_quality: int = 90
) -> tuple[bytes, bytes, memoryview | bytes]:
    return pack(header, encoded(pixels, header.encoding, jpeg_quality=jpeg_quality))


def test_frame_survives_bit_by_bit() -> None:
    parts = packed(header(), PIXELS)
    back, pixels = unpack(parts)
    assert back == header()
    assert np.array_equal(pixels, PIXELS)
    assert not pixels.flags.writeable
    assert np.shares_memory(np.frombuffer(parts[2], np.uint8), PIXELS), "sent without a copy"


def test_jpeg_is_close_and_smaller() -> None:
    y, x = np.mgrid[:24, :32]
    smooth = np.stack([x * 8, y * 10, x + y], axis=-1).astype(np.uint8)
    parts = packed(header(encoding="jpeg"), smooth, jpeg_quality=95)
    _, pixels = unpack(parts)
    assert len(parts[2]) < smooth.size / 2
    assert np.abs(pixels.astype(int) - smooth).mean() < 4


def changed(**fields: object) -> bytes:
    values = json.loads(packed(header(), PIXELS)[1])
    return json.dumps({**values, **fields}).encode()


@pytest.mark.parametrize(
    "head",
    [
        changed(version=2),
        changed(version="1"),
        changed(source="other"),
        changed(dtype="object"),
        changed(dtype="float64"),
        changed(encoding="pickle"),
        changed(width=31),
        changed(width=0),
        changed(width=-32, height=-24),
        changed(width=65535, height=65535),
        changed(sequence=-1),
        changed(captured_ns=2**70),
        changed(blur=7),
        changed(engine="x"),
        changed(clock="x" * 5000),
        b"",
        b"null",
        b"\x80\x04.",
        b"[" * 8000,
        b"{" * 9000,
    ],
)
def test_headers_that_lie_are_refused(head: bytes) -> None:
    topic, _, body = packed(header(), PIXELS)
    with pytest.raises(WireError):
        unpack([topic, head, body])


def test_parts_that_do_not_belong_together_are_refused() -> None:
    topic, head, body = packed(header(), PIXELS)
    for parts in ([], [body], [topic, head], [topic, head, body, b""], [b"x", head, body]):
        with pytest.raises(WireError):
            unpack(parts)
    with pytest.raises(WireError, match="bytes, not"):
        unpack([topic, head, bytes(body)[:-1]])
    jpeg = packed(header(encoding="jpeg"), PIXELS)
    with pytest.raises(WireError, match="JPEG"):
        unpack([jpeg[0], jpeg[1], jpeg[2][: len(jpeg[2]) // 2]])
    larger = packed(header(encoding="jpeg", width=64, height=48), PIXELS)
    with pytest.raises(WireError, match="32x24"):
        unpack(larger)


@given(st.lists(st.binary(max_size=300), max_size=5))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(WireError):
        unpack(parts)


@given(
    place=st.integers(0, 10_000),
    value=st.integers(0, 255),
    encoding=st.sampled_from(["raw", "jpeg"]),
)
@settings(max_examples=500, deadline=None)
def test_a_changed_byte_is_refused_or_harmless(place: int, value: int, encoding: str) -> None:
    parts = [bytearray(part) for part in packed(header(encoding=encoding), PIXELS)]
    part = parts[place % 3]
    part[place // 3 % len(part)] = value
    try:
        back, pixels = unpack([bytes(p) for p in parts])
    except WireError:
        return
    assert pixels.shape == (back.height, back.width, 3)
    assert pixels.dtype == np.uint8


def test_further_fields_of_a_later_program_are_ignored() -> None:
    topic, _, body = packed(header(), PIXELS)
    back, _ = unpack([topic, changed(pose=[1, 2, 3]), body])
    assert back == header()


def test_hands_come_back_and_odd_ones_are_refused() -> None:
    point = (1.5, 2.5, -0.25)
    hand = HandNote(side="left", track=3, points=[point] * 21, world=[point] * 21)
    note = HandsNote(sequence=7, captured_ns=5, hands=[hand, hand])
    with_hands = msgspec.structs.replace(header(), hands=note)
    topic, head, body = packed(with_hands, PIXELS)
    assert unpack([topic, head, body])[0] == with_hands
    plain = json.loads(head)
    for break_it in (
        lambda hands: hands["hands"].extend(hands["hands"] * 2),
        lambda hands: hands["hands"][0]["points"].pop(),
        lambda hands: hands["hands"][0]["world"][0].pop(),
        lambda hands: hands["hands"][0].update(side="both"),
        lambda hands: hands.update(sequence=-1),
    ):
        broken = copy.deepcopy(plain)
        break_it(broken["hands"])
        with pytest.raises(WireError, match="hands"):
            unpack([topic, json.dumps(broken).encode(), body])


def test_header_without_engine() -> None:
    bare = msgspec.structs.replace(header(), engine=None, blur=None, bypassed=True)
    assert unpack(packed(bare, PIXELS))[0] == bare
