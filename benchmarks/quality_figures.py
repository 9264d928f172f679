"""What is said of restored pictures whose truth is known: measures that disagree on purpose."""

import statistics as st
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.quality_cases import KnownCase, Picture
from calibration.features import (
    EfficientNetLite0Features,
    distance_map,
    picture_distance,
    picture_tensor,
)
from calibration.measures import gmsd, psnr_db, shift_psnr_db, ssim
from calibration.object_motion import MovingObject


def known_figures(
    restored: list[Picture], cases: list[KnownCase], features: EfficientNetLite0Features
) -> dict[str, Any]:
    """Of a shaken picture as a whole."""
    blurred, sharp = [case.blurred for case in cases], [case.sharp for case in cases]
    before = [psnr_db(b, s) for b, s in zip(blurred, sharp, strict=True)]
    after = [psnr_db(r, s) for r, s in zip(restored, sharp, strict=True)]
    gains = np.subtract(after, before)
    shift_gains = np.array(
        [
            shift_psnr_db(r, s) - shift_psnr_db(b, s)
            for r, b, s in zip(restored, blurred, sharp, strict=True)
        ]
    )
    order = np.argsort([case.extent_px for case in cases])
    return {
        "psnr_gain_db": round(float(gains.mean()), 3),
        "psnr_shift_gain_db": round(float(shift_gains.mean()), 3),
        "psnr_db": round(st.mean(after), 3),
        "psnr_input_db": round(st.mean(before), 3),
        "ssim": round(st.mean(map(ssim, restored, sharp)), 4),
        "ssim_input": round(st.mean(map(ssim, blurred, sharp)), 4),
        "gmsd": round(st.mean(map(gmsd, restored, sharp)), 4),
        "gmsd_input": round(st.mean(map(gmsd, blurred, sharp)), 4),
        "feature_distance": round(_feature_distance(restored, sharp, features), 4),
        "feature_distance_input": round(_feature_distance(blurred, sharp, features), 4),
        "share_improved": round(float((gains > 0).mean()), 4),
        "share_improved_shift": round(float((shift_gains > 0).mean()), 4),
        "terciles": [
            {
                "extent_px": [
                    round(cases[part[0]].extent_px, 1),
                    round(cases[part[-1]].extent_px, 1),
                ],
                "psnr_gain_db": round(float(gains[part].mean()), 3),
            }
            for part in np.array_split(order, 3)
            if len(part)
        ],
    }


def moving_figures(
    restored: list[Picture], cases: list[MovingObject], features: EfficientNetLite0Features
) -> dict[str, Any]:
    """Of a picture in which something moved, of that, and of what stood still."""
    gains, moving_gains, background, distances, input_distances = [], [], [], [], []
    for picture, case in zip(restored, cases, strict=True):
        moves, still = case.moves, ~case.moves
        gains.append(psnr_db(picture, case.sharp) - psnr_db(case.blurred, case.sharp))
        moving_gains.append(
            psnr_db(picture[moves], case.sharp[moves])
            - psnr_db(case.blurred[moves], case.sharp[moves])
        )
        background.append(psnr_db(picture[still], case.blurred[still]))
        distances.append(_distance_inside(picture, case.sharp, moves, features))
        input_distances.append(_distance_inside(case.blurred, case.sharp, moves, features))
    return {
        "psnr_gain_db": round(st.mean(gains), 3),
        "psnr_gain_moving_region_db": round(st.mean(moving_gains), 3),
        "background_psnr_db": round(st.mean(background), 3),
        "feature_distance": round(st.mean(distances), 4),
        "feature_distance_input": round(st.mean(input_distances), 4),
        "share_improved": round(float(np.mean(np.array(gains) > 0)), 4),
    }


def _feature_distance(
    pictures: list[Picture], truths: list[Picture], features: EfficientNetLite0Features
) -> float:
    distances = [picture_distance(p, t, features) for p, t in zip(pictures, truths, strict=True)]
    return st.mean(distances)


@torch.inference_mode()
def _distance_inside(
    picture: Picture,
    truth: Picture,
    inside: NDArray[np.bool_],
    features: EfficientNetLite0Features,
) -> float:
    """Feature distance over the places of each tap that see the region."""
    total = 0.0
    for a, b in zip(
        features(picture_tensor(picture)), features(picture_tensor(truth)), strict=True
    ):
        places = distance_map(a, b)[0].numpy()
        size = (places.shape[1], places.shape[0])
        seen = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        total += float(places[seen].mean())
    return total
