import torch
import torch.nn as nn


class Model(nn.Module):
    """Group normalisation of (N, C, L)."""

    def __init__(self, groups, channels):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x):
        return self.norm(x)


def get_inputs():
    return [torch.randn(2, 6, 20)]


def get_init_inputs():
    return [3, 6]
