"""How much a network improves pictures whose truth is known."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from calibration.contact_sheet import contact_sheet, write_picture


def psnr_db(picture: Tensor, truth: Tensor) -> Tensor:
    """PSNR of each picture of a batch, in dB; (N, C, H, W) on a 0...1 scale gives (N,)."""
    error = (picture.double() - truth.double()) ** 2
    return -10.0 * torch.log10(error.mean(dim=(1, 2, 3)).clamp_min(1e-10))


@dataclass(frozen=True)
class Evaluation:
    """Mean figures over a set of pairs, and the restored pictures themselves.

    Attributes:
        psnr_in_db, psnr_out_db: blurred and restored against the truth.
        improved_share: share of the pictures whose PSNR rose.
        restored: uint8 (N, 3, H, W).
    """

    psnr_in_db: float
    psnr_out_db: float
    improved_share: float
    restored: Tensor

    @property
    def gain_db(self) -> float:
        return self.psnr_out_db - self.psnr_in_db


@torch.no_grad()
def evaluate(network: nn.Module, blurred: Tensor, truth: Tensor, batch: int = 8) -> Evaluation:
    """Restore uint8 (N, 3, H, W) pictures in fp32 and compare 8-bit results with the truth."""
    network.eval()
    device = next(network.parameters()).device
    parts = [
        torch.round(network(x.to(device).float() / 255.0).clamp(0, 1) * 255.0).to(torch.uint8).cpu()
        for x in torch.split(blurred, batch)
    ]
    restored = torch.cat(parts)
    before = psnr_db(blurred / 255.0, truth / 255.0)
    after = psnr_db(restored / 255.0, truth / 255.0)
    return Evaluation(
        psnr_in_db=float(before.mean()),
        psnr_out_db=float(after.mean()),
        improved_share=float((after > before).double().mean()),
        restored=restored,
    )


def write_strip(path: Path, rows: list[tuple[str, Tensor]], columns: int = 8) -> None:
    """Write named rows of pictures, uint8 (N, 3, H, W) each, as one picture."""
    pictures = [
        (name, [p.permute(1, 2, 0).numpy().copy() for p in row[:columns]]) for name, row in rows
    ]
    write_picture(path, contact_sheet(pictures))
