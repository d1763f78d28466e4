import torch
import torch.nn as nn


class Model(nn.Module):
    """y = A x."""

    def forward(self, a, x):
        return a @ x


def get_inputs():
    return [torch.randn(64, 96), torch.randn(96)]


def get_init_inputs():
    return []
