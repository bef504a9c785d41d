"""A GPT-2-shaped transformer that learns to write Python, letter by letter.

    python examples/gpt2.py                        (with PyTorch)
    flambeau run examples/gpt2.py                  (with flambeau)

The network of Radford et al., "Language Models are Unsupervised Multitask Learners" (2019):
learned positions, layer norm before each part, one projection for queries, keys and values, and
the embedding as output layer. The text is the source of modules of Python's standard library.
"""

import argparse
import inspect
import math
import textwrap
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    """The sizes; the defaults are GPT-2's smallest."""

    vocab_size: int = 50257
    block_size: int = 1024
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.1


class Attention(nn.Module):
    """Each position looks at those before it, with several heads."""

    def __init__(self, config):
        super().__init__()
        self.n_head, self.dropout = config.n_head, config.dropout
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        batch, length, width = x.size()
        q, k, v = (
            part.view(batch, length, self.n_head, width // self.n_head).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=True
        )
        y = y.transpose(1, 2).contiguous().view(batch, length, width)
        return self.resid_dropout(self.c_proj(y))


class MLP(nn.Module):
    """Two linear layers around a GELU, four times as wide inside."""

    def __init__(self, config):
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.act = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class Block(nn.Module):
    """Attention and MLP, each on the normalised input and added to it."""

    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MLP(config)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """The language model; its output layer is the embedding of the letters."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.n_embd),
                "wpe": nn.Embedding(config.block_size, config.n_embd),
                "drop": nn.Dropout(config.dropout),
                "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                "ln_f": nn.LayerNorm(config.n_embd),
            }
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        self.apply(self.init_weights)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * config.n_layer))

    @staticmethod
    def init_weights(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens, targets=None):
        """The logits, and the loss if the targets are given."""
        positions = torch.arange(tokens.size(1), device=tokens.device)
        x = self.transformer.wte(tokens) + self.transformer.wpe(positions)
        x = self.transformer.drop(x)
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1))

    @torch.no_grad()
    def generate(self, tokens, count):
        """Append `count` drawn tokens. The context keeps its length, so nothing is recompiled."""
        for _ in range(count):
            context = tokens[:, -self.config.block_size :]
            logits, _ = self(context)
            drawn = torch.multinomial(F.softmax(logits[:, -1], dim=-1), num_samples=1)
            tokens = torch.cat([tokens, drawn], dim=1)
        return tokens


def library_text():
    """Source of the standard library, its letters, and the letters' numbers."""
    text = inspect.getsource(argparse) + inspect.getsource(textwrap)
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    return torch.tensor([number[c] for c in text]), letters


def draw(text, length, batch):
    """Random pieces of the text, and the same one letter on."""
    starts = torch.randint(len(text) - length - 1, (batch,)).tolist()
    pieces = torch.stack([text[s : s + length + 1] for s in starts])
    return pieces[:, :-1], pieces[:, 1:]


def loss_of(model, batch):
    return model(*batch)[1]


def optimizer_of(model, steps):
    """AdamW that decays matrices only; the learning rate warms up, then falls on a cosine."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": decayed, "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95))
    warm = max(1, steps // 10)

    def rate(step):
        if step < warm:
            return (step + 1) / warm
        return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def main(steps=300, layers=3, width=96, length=64, batch=16, letters=120):
    """Train, print the loss and then a piece of text; the losses of all steps."""
    torch.manual_seed(0)
    text, alphabet = library_text()
    config = Config(len(alphabet), length, layers, 4, width, dropout=0.0)
    model = GPT(config)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    optimizer, scheduler = optimizer_of(model, steps)
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model, draw(text, length, batch))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 10 == 0:
            print(f"step {step:4}  loss {losses[-1]:.4f}")
    if letters:
        model.eval()
        drawn = model.generate(text[None, :length], letters)[0, length:]
        print("".join(alphabet[i] for i in drawn.tolist()))
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument(
        "--letters", type=int, default=120, help="how much text to write at the end"
    )
    options = parser.parse_args()
    main(options.steps, options.layers, options.width, letters=options.letters)
