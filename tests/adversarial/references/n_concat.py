import torch
import torch.nn as nn


class Model(nn.Module):
    """Two inputs side by side."""

    def forward(self, x, y):
        return torch.cat([x, y], dim=1)


def get_inputs():
    return [torch.randn(24, 70), torch.randn(24, 36)]


def get_init_inputs():
    return []
