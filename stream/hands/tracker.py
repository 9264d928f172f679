"""MediaPipe's hand landmarker on pictures of ours."""

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from stream.hands.landmarks import Hand

TrackerMode = Literal["video", "image"]


class HandTracker:
    """Finds hands. Owned by one thread; pictures as they are, not mirrored.

    Args:
        model: file that :func:`stream.hands.model.find_model` gave.
        max_hands: a second hand that is not there costs a search in every frame, more than twice
            the time.
        mode: ``video`` follows hands from frame to frame and searches when it has lost one,
            ``image`` searches in every picture.
        confidence: 0...1, below which a palm does not count as found, nor a step from one picture
            to the next as the same hand's.
        presence: 0...1, below which there is no hand where one was found or followed to; as
            ``confidence`` if not given.

    Raises:
        StreamError: the extra `hands` is not installed, or the model does not load.
    """

    def __init__(
        self,
        model: Path,
        *,
        max_hands: int = 2,
        mode: TrackerMode = "video",
        confidence: float = 0.5,
        presence: float | None = None,
    ) -> None:
        vision, self._mediapipe = _import_mediapipe()
        self._video = mode == "video"
        running = vision.RunningMode.VIDEO if self._video else vision.RunningMode.IMAGE
        options = vision.HandLandmarkerOptions(
            base_options=self._mediapipe.tasks.BaseOptions(model_asset_path=str(model)),
            running_mode=running,
            num_hands=max_hands,
            min_hand_detection_confidence=confidence,
            min_hand_presence_confidence=confidence if presence is None else presence,
            min_tracking_confidence=confidence,
        )
        self.max_hands = max_hands
        self._last_ms = -1
        try:
            self._landmarker: Any = vision.HandLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise StreamError(f"{model}: the hand model does not load: {error}") from None

    def track(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """The hands in one picture.

        Args:
            pixels: uint8 (H, W, 3) RGB, contiguous.
            time_s: of the picture; used by ``video`` only, which wants whole milliseconds that
                grow, so equal or earlier times count as one millisecond after the last.
        """
        picture = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)
        )
        if self._video:
            self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
            found = self._landmarker.detect_for_video(picture, self._last_ms)
        else:
            found = self._landmarker.detect(picture)
        height, width = pixels.shape[:2]
        scale = np.array([width, height, width], np.float32)
        return tuple(
            Hand(
                points=_coordinates(points) * scale,
                world=_coordinates(world),
                side="left" if sides[0].category_name == "Left" else "right",
                side_score=float(sides[0].score),
            )
            for points, world, sides in zip(
                found.hand_landmarks, found.hand_world_landmarks, found.handedness, strict=True
            )
        )

    def close(self) -> None:
        self._landmarker.close()


def _coordinates(points: Any) -> NDArray[np.float32]:
    return np.array([(point.x, point.y, point.z) for point in points], np.float32)


def _import_mediapipe() -> tuple[Any, Any]:
    try:
        import mediapipe
        from mediapipe.tasks.python import vision
    except ModuleNotFoundError as error:
        raise StreamError(
            f"hand tracking needs {error.name}: pip install 'blur2blur-live[hands]'"
        ) from None
    except (ImportError, OSError) as error:
        advice = "; on Debian: apt install libegl1 libgles2" if sys.platform == "linux" else ""
        raise StreamError(f"hand tracking: mediapipe does not load: {error}{advice}") from None
    return vision, mediapipe
