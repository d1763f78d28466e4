import torch
import torch.nn as nn


def high_and_low(a, b):
    """Both halves of the 64-bit product of two 32-bit numbers."""
    low, high = a * (b & 0xFFFF), a * (b >> 16)
    total = low + ((high & 0xFFFF) << 16)
    return (high >> 16) + (total >> 32), total & 0xFFFFFFFF


def uniform(seed, number):
    """Philox-4x32-10 of a counter, as a float32 in [0, 1)."""
    c = [number & 0xFFFFFFFF, number >> 32, torch.zeros_like(number), torch.zeros_like(number)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        high_0, low_0 = high_and_low(c[0], 0xD2511F53)
        high_2, low_2 = high_and_low(c[2], 0xCD9E8D57)
        c = [high_2 ^ c[1] ^ key[0], low_2, high_0 ^ c[3] ^ key[1], low_0]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    signed = torch.where(c[0] >= 1 << 31, (1 << 32) - 1 - c[0], c[0])
    return signed.to(torch.float32) * 4.6566127342e-10


class Model(nn.Module):
    """Dropout whose mask is Philox of a fixed seed and the element's number."""

    def __init__(self, p, seed):
        super().__init__()
        self.p, self.seed = p, seed

    def forward(self, x):
        draw = uniform(self.seed, torch.arange(x.numel(), device=x.device)).reshape(x.shape)
        return torch.where(draw > self.p, x / (1 - self.p), torch.zeros_like(x))


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return [0.3, 7]
