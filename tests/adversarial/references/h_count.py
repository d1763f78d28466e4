import torch
import torch.nn as nn


class Model(nn.Module):
    def forward(self, x):
        return (x > 0).to(torch.int32).sum(dim=1)


def get_inputs():
    return [torch.randn(48, 100)]


def get_init_inputs():
    return []
