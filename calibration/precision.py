"""The arithmetic of training."""

import torch

from engines.processor import processor


def training_dtype(device: torch.device) -> torch.dtype:
    """bf16 where it is fast; elsewhere it is emulated and slower than fp32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = processor().fastest_precision == "bf16"
    return torch.bfloat16 if fast else torch.float32
