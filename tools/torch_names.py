"""Write src/flambeau/_torch_names.txt: the public names of PyTorch, by module.

Run with the environment of `PARITY=1 make test`. The names tell a gap in flambeau from a
misspelling, and the docs how much is covered.
"""

import importlib
import pkgutil
import warnings
from pathlib import Path
from types import ModuleType

import torch

OUT = Path(__file__).parent.parent / "src" / "flambeau" / "_torch_names.txt"
# ruff: noqa: E501
# fmt: off
PACKAGES = [
    "torch", "torch.__config__", "torch.__future__", "torch.accelerator", "torch.ao", "torch.amp",
    "torch.autograd", "torch.backends", *[f"torch.backends.{n}" for n in (
        "cpu", "cuda", "cudnn", "cusparselt", "kleidiai", "mha", "miopen", "mkl", "mkldnn", "mps",
        "nnpack", "openmp", "opt_einsum", "quantized", "xeon", "xnnpack")],
    "torch.compiler", "torch.cpu", "torch.cuda", "torch.distributed",
    "torch.distributions", "torch.export", "torch.fft", "torch.func", "torch.futures", "torch.fx", "torch.hub", "torch.jit",
    "torch.library", "torch.linalg", "torch.masked", "torch.monitor", "torch.mps", "torch.mtia",
    "torch.multiprocessing", "torch.nested", "torch.nn", "torch.onnx", "torch.optim", "torch.overrides", "torch.package", "torch.profiler",
    "torch.quantization",
    "torch.quasirandom", "torch.random", "torch.return_types", "torch.serialization", "torch.signal.windows", "torch.sparse", "torch.special", "torch.storage",
    "torch.testing", "torch.types", "torch.utils", "torch.utils.benchmark",
    "torch.utils.checkpoint", "torch.utils.deterministic", "torch.utils.dlpack",
    "torch.utils.flop_counter", "torch.utils.model_zoo", "torch.version", "torch.xpu", "torch.utils.data",
    "torch.utils.hooks", "torch.utils.tensorboard",
]
# fmt: on
# Their submodules are not listed.
SHALLOW = {
    "torch",
    "torch.ao",
    "torch.backends",
    "torch.distributed",
    "torch.export",
    "torch.fx",
    "torch.masked",
    "torch.nested",
    "torch.onnx",
    "torch.package",
    "torch.quantization",
    "torch.testing",
    "torch.utils",
    "torch.utils.benchmark",
    "torch.xpu",
    "torch.mtia",
    "torch.mps",
}


def names(owner: object) -> list[str]:
    """Public names: those of `__all__`, and what was defined inside PyTorch."""
    listed = set(getattr(owner, "__all__", ())) if isinstance(owner, ModuleType) else set()
    found = set()
    for name in dir(owner):
        value = getattr(owner, name, None)
        home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        own = not isinstance(owner, ModuleType) or not home or str(home).startswith("torch")
        if not name.startswith("_") and (name in listed or own):
            found.add(name)
    return sorted(found)


def main() -> None:
    warnings.simplefilter("ignore")
    table: dict[str, list[str]] = {"torch.Tensor": names(torch.Tensor)}
    queue = list(PACKAGES)
    while queue:
        path = queue.pop(0)
        if path in table or any(part.startswith("_") for part in path.split(".")):
            continue
        try:
            module = importlib.import_module(path)
        except Exception:
            continue
        table[path] = names(module)
        if path not in SHALLOW and path.count(".") < 3 and hasattr(module, "__path__"):
            queue += [f"{path}.{info.name}" for info in pkgutil.iter_modules(module.__path__)]
    lines = [f"{owner}: {' '.join(found)}" for owner, found in sorted(table.items())]
    version = torch.__version__.split("+")[0]
    head = f"# Public names of PyTorch {version}; made by tools/torch_names.py."
    OUT.write_text("\n".join([head, *lines]) + "\n")
    print(f"{len(table)} owners, {sum(map(len, table.values()))} names, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
