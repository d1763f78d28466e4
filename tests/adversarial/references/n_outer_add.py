import torch
import torch.nn as nn


class Model(nn.Module):
    """A column plus a row: dimensions of size 1."""

    def forward(self, x, y):
        return x + y


def get_inputs():
    return [torch.randn(24, 1, 1), torch.randn(1, 1, 70)]


def get_init_inputs():
    return []
