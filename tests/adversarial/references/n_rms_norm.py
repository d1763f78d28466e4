import torch
import torch.nn as nn


class Model(nn.Module):
    """Each row over its root mean square."""

    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return [70, 1e-5]
