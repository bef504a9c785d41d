"""Train an example in float64 from given weights on given batches, and keep the losses.

    curves.py NAME FILE

A program in plain PyTorch, which the tests run with both libraries. `FILE.npz` holds the weights
and the data; the losses go to `FILE.NAME-OF-LIBRARY.npy`.
"""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

STEPS = 50


def resnet18(small):
    import resnet18

    return resnet18, resnet18.ResNet18(classes=5, channels=1, width=4, small=small)


def gpt2():
    import gpt2

    return gpt2, gpt2.GPT(gpt2.Config(12, 10, n_layer=2, n_head=2, n_embd=16, dropout=0.0))


def lstm_tagger():
    import lstm_tagger

    return lstm_tagger, lstm_tagger.Tagger(20, embedding=6, hidden=5, tags=4)


def vae():
    import vae

    return vae, vae.VAE(pixels=16, hidden=12, latent=3)


def unet():
    import unet

    return unet, unet.UNet(width=2, depth=1)


MODELS = {
    "resnet18": lambda: resnet18(small=False),
    "resnet18-small": lambda: resnet18(small=True),
    "gpt2": gpt2,
    "lstm_tagger": lstm_tagger,
    "vae": vae,
    "unet": unet,
}


def main(name, file):
    given = np.load(f"{file}.npz")
    example, model = MODELS[name]()
    model.double()
    state = {k: torch.from_numpy(given[f"weight:{k}"]) for k in model.state_dict()}
    model.load_state_dict(state)
    arrays = [torch.from_numpy(given[f"data:{i}"]) for i in range(3) if f"data:{i}" in given]
    optimizer, scheduler = example.optimizer_of(model, STEPS)
    losses = []
    for step in range(STEPS):
        # Each array holds several batches, which take turns.
        batch = [a[step % len(a)] for a in arrays]
        optimizer.zero_grad()
        loss = example.loss_of(model, batch)
        loss.backward()
        if name == "gpt2":
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    kind = "flambeau" if "flambeau" in torch.__version__ else "torch"
    np.save(f"{file}.{kind}.npy", losses)


if __name__ == "__main__":
    main(*sys.argv[1:])
