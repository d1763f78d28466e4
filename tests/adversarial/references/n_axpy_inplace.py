import torch
import torch.nn as nn


class Model(nn.Module):
    """y += a x, in the caller's y, which is returned."""

    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self, x, y):
        return y.add_(x, alpha=self.a)


def get_inputs():
    return [torch.randn(18, 70), torch.randn(18, 70)]


def get_init_inputs():
    return [0.5]
