import torch
import torch.nn as nn


class Model(nn.Module):
    """Rows to int8 with a scale a row."""

    def forward(self, x):
        x = torch.nan_to_num(x.float(), nan=0.0, posinf=0.0, neginf=0.0)
        scale = x.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 128
        return torch.floor(x / scale).clamp(-127, 127).to(torch.int8)


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return []
