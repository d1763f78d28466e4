import torch
import torch.nn as nn


class Model(nn.Module):
    """Counts of 16 classes."""

    def forward(self, x):
        return torch.bincount(x.remainder(16), minlength=16).to(torch.int32)


def get_inputs():
    return [torch.randint(0, 64, (3000,))]


def get_init_inputs():
    return []
