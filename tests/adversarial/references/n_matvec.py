import torch
import torch.nn as nn


class Model(nn.Module):
    """y = A x."""

    def forward(self, a, x):
        return a @ x


def get_inputs():
    return [torch.randn(40, 70), torch.randn(70)]


def get_init_inputs():
    return []
