# SPDX-License-Identifier: AGPL-3.0-only
"""The sign gradient by hand, and the pyramid beside Adam."""

from __future__ import annotations

import pytest
import torch

from engine.patch.updates import PyramidAdam, SignGradient

START = [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("momentum", "gradients", "expected"),
    [
        (0.0, [], START),
        (0.0, [None], START),
        (0.0, [[2.0, -3.0, 0.0, 1e-9]], [0.4, 0.6, 0.5, 0.4]),
        (0.0, [[1.0, -1, 1, -1], [-1.0, -1, 1, 0]], [0.5, 0.7, 0.3, 0.6]),
        (0.9, [[2.0, -3.0, 0.0, 1.0]], [0.4, 0.6, 0.5, 0.4]),
        # The first gradient counts 0.9 times in the second step, each divided by its own mean size:
        # 0.9 × (2, -2, 0, 0) + (-1.6, 1.6, 0.8, 0) has the first one's signs …
        (0.9, [[1.0, -1, 0, 0], [-2.0, 2, 1, 0]], [0.3, 0.7, 0.4, 0.5]),
        # … and 0.5 × (2, -2, 0, 0) + (-1.6, 1.6, 0.8, 0) the second one's, whatever its scale.
        (0.5, [[1.0, -1, 0, 0], [-2.0, 2, 1, 0]], [0.5, 0.5, 0.4, 0.5]),
        (0.5, [[1e6, -1e6, 0, 0], [-2e-6, 2e-6, 1e-6, 0]], [0.5, 0.5, 0.4, 0.5]),
        (0.9, [[0.0, 0, 0, 0]], START),
    ],
)
def test_sign_steps_by_hand(momentum, gradients, expected):
    patch = torch.tensor(START, requires_grad=True)
    optimizer = SignGradient([patch], lr=0.1, momentum=momentum)
    for gradient in gradients:
        patch.grad = None if gradient is None else torch.tensor(gradient)
        optimizer.step()
    torch.testing.assert_close(patch.detach(), torch.tensor(expected))


def test_momentum_survives_saving():
    patches = [torch.tensor(START, requires_grad=True) for _ in range(2)]
    through, before = (SignGradient([patch], lr=0.1, momentum=0.9) for patch in patches)
    for patch, optimizer in zip(patches, (through, before), strict=True):
        patch.grad = torch.tensor([1.0, -1, 0, 0])
        optimizer.step()
    after = SignGradient([patches[1]], lr=0.7)
    after.load_state_dict(before.state_dict())
    for patch, optimizer in zip(patches, (through, after), strict=True):
        patch.grad = torch.tensor([-2.0, 2, 1, 0])
        optimizer.step()
    assert torch.equal(patches[0], patches[1])


def test_a_closure_is_evaluated():
    patch = torch.tensor(START, requires_grad=True)
    assert SignGradient([patch], lr=0.1).step(lambda: 3.5) == 3.5


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 16), (33, 17)])
def test_one_level_of_the_pyramid_is_adam(size):
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.full((3, *size), 0.5, requires_grad=True) for _ in range(2))
    pyramid, adam = PyramidAdam([first], lr=0.02, levels=1), torch.optim.Adam([second], lr=0.02)
    for _ in range(4):
        first.grad = torch.randn(3, *size, generator=generator)
        second.grad = first.grad.clone()
        pyramid.step()
        adam.step()
    assert torch.allclose(first, second, atol=1e-5)


def test_blocks_that_agree_move_further_than_noise():
    noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    alike, noisy = (torch.full((3, 32, 32), 0.5, requires_grad=True) for _ in range(2))
    for patch, gradient in ((alike, torch.ones(3, 32, 32)), (noisy, noise)):
        optimizer = PyramidAdam([patch], lr=0.01, levels=6)
        patch.grad = gradient
        optimizer.step()
    assert torch.allclose(alike, torch.full_like(alike, 0.5 - 6 * 0.01), atol=1e-5)
    assert (noisy - 0.5).abs().mean() < 0.7 * 6 * 0.01


def test_a_restored_pyramid_goes_on_to_the_bit():
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(6, 3, 20, 12, generator=generator)

    def steps(patch, optimizer, chosen):
        for gradient in chosen:
            patch.grad = gradient.clone()
            optimizer.step()

    unbroken = torch.full((3, 20, 12), 0.5, requires_grad=True)
    steps(unbroken, PyramidAdam([unbroken], lr=0.02), gradients)
    stopped = torch.full((3, 20, 12), 0.5, requires_grad=True)
    steps(stopped, optimizer := PyramidAdam([stopped], lr=0.02), gradients[:3])
    resumed = stopped.detach().clone().requires_grad_(True)
    restored = PyramidAdam([resumed], lr=0.02)
    restored.load_state_dict(optimizer.state_dict())
    steps(resumed, restored, gradients[3:])
    assert torch.equal(resumed, unbroken)
