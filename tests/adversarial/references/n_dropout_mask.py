import torch
import torch.nn as nn


class Model(nn.Module):
    """Dropout with the mask given."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x, keep):
        return torch.where(keep, x / (1 - self.p), torch.zeros_like(x))


def get_inputs():
    return [torch.randn(18, 70), torch.rand(18, 70) > 0.25]


def get_init_inputs():
    return [0.25]
