import torch
import torch.nn as nn


class Model(nn.Module):
    """Sum of the weights of each of 16 classes."""

    def forward(self, x, weights):
        total = torch.zeros(16, dtype=weights.dtype, device=weights.device)
        return total.index_add(0, x.remainder(16), weights)


def get_inputs():
    return [torch.randint(0, 64, (3000,)), torch.rand(3000)]


def get_init_inputs():
    return []
