"""Every public name of PyTorch's modules and optimizers is here or has a reason not to be."""

from __future__ import annotations

import importlib
import types

import pytest

from tests.oracle import torch

NAMESPACES = (
    "amp",
    "cpu.amp",
    "cuda.amp",
    "nn",
    "nn.attention",
    "nn.attention.bias",
    "nn.attention.flex_attention",
    "nn.common_types",
    "nn.functional",
    "nn.grad",
    "nn.init",
    "nn.modules",
    "nn.modules.utils",
    "nn.parallel",
    "nn.parameter",
    "nn.utils",
    "nn.utils.fusion",
    "nn.utils.memory_format",
    "nn.utils.parametrizations",
    "nn.utils.parametrize",
    "nn.utils.prune",
    "nn.utils.rnn",
    "nn.utils.stateless",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
)

KERNEL = "chooses a kernel of PyTorch's; here XLA compiles one formulation"
QUANTIZED = "quantized layers: there are no quantized tensors"
FLOAT8 = "scaled float8 products for GPUs"
INSIDE = "an import or a type variable of the module's source, not a name for programs"
MANY = "moves tensors among several GPUs of one process"

ABSENT = {
    "amp": {},
    "nn": dict.fromkeys(("intrinsic", "qat", "quantizable", "quantized"), QUANTIZED),
    "nn.attention": dict.fromkeys(
        (
            "SDPAParams",
            "WARN_FOR_UNFUSED_KERNELS",
            "activate_flash_attention_impl",
            "can_use_efficient_attention",
            "can_use_flash_attention",
            "current_flash_attention_impl",
            "list_flash_attention_impls",
            "register_flash_attention_impl",
            "restore_flash_attention_impl",
        ),
        KERNEL,
    ),
    "nn.attention.bias": {
        "F": INSIDE,
        **dict.fromkeys(
            (
                "SDPAParams",
                "can_use_efficient_attention",
                "can_use_flash_attention",
                "is_flash_attention_available",
            ),
            KERNEL,
        ),
    },
    "nn.attention.flex_attention": {
        "FlexKernelOptions": KERNEL,
        **dict.fromkeys(
            ("GetAttrKey", "Tensor", "TreeSpec", "flex_attention_hop", "tree_flatten")
            + ("tree_map_only", "tree_unflatten"),
            INSIDE,
        ),
    },
    "nn.functional": {
        **dict.fromkeys(("ScalingType", "SwizzleType", "scaled_mm", "scaled_grouped_mm"), FLOAT8),
        **dict.fromkeys(
            ("TYPE_CHECKING", "Tensor", "assert_int_or_pair", "grad", "reproducibility_notes")
            + ("sparse_support_notes", "tf32_notes"),
            INSIDE,
        ),
    },
    "nn.init": {"Tensor": INSIDE},
    "nn.modules": {"linear_cross_entropy_options": INSIDE},
    "nn.parallel": {
        **dict.fromkeys(
            ("comm", "gather", "parallel_apply", "replicate", "scatter", "scatter_gather"), MANY
        ),
        "DistributedDataParallelCPU": "deprecated name of DistributedDataParallel, undocumented",
    },
    "nn.parameter": {},
    "nn.utils.fusion": {"ConvT": INSIDE, "LinearT": INSIDE},
    "nn.utils.parametrizations": {},
    "nn.utils.parametrize": {"is_traceable_wrapper_subclass": INSIDE},
    "nn.utils.rnn": dict.fromkeys(("PackedSequence_", "bind", "copy_method_params"), INSIDE),
    "nn.utils.stateless": {"NamedMemberAccessor": INSIDE, "Tensor": INSIDE},
    "optim.lr_scheduler": dict.fromkeys(
        ("EPOCH_DEPRECATION_WARNING", "Optimizer", "TYPE_CHECKING", "Tensor", "inf"), INSIDE
    ),
    "optim.swa_utils": {"TYPE_CHECKING": INSIDE},
}


def public(module: types.ModuleType) -> set[str]:
    """The names that a module shows, without what it imports from elsewhere."""
    found = set()
    for name in dir(module):
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            owner = value.__name__.rpartition(".")[0]
        else:
            owner = str(getattr(value, "__module__", None) or module.__name__)
        inner = owner.startswith(("torch._", "torch.jit", "torch.overrides", "torch.fx"))
        ours = owner.startswith("torch") and not inner
        listed = name in getattr(module, "__all__", ())
        if not name.startswith("_") and (listed or ours):
            found.add(name)
    return found


@pytest.mark.parametrize("name", NAMESPACES)
@pytest.mark.filterwarnings("ignore")
def test_every_public_name_is_here_or_has_a_reason(name):
    theirs = importlib.import_module(f"{torch.__name__}.{name}")
    mine = importlib.import_module(f"flambeau.{name}")
    absent = {n for n in public(theirs) if not hasattr(mine, n)}
    assert absent == set(ABSENT.get(name, {}))


@pytest.mark.parametrize(
    "line",
    [
        "from torch.nn.modules.utils import _pair, _single, _triple, _ntuple",
        "from torch.nn.modules.batchnorm import _BatchNorm, BatchNorm2d, LazyBatchNorm1d",
        "from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd, Conv2d",
        "from torch.nn.modules.instancenorm import _InstanceNorm",
        "from torch.nn.modules.pooling import _MaxPoolNd, _AvgPoolNd",
        "from torch.nn.modules.loss import _Loss, _WeightedLoss",
        "from torch.nn.modules.module import Module, register_module_forward_hook",
        "from torch.nn.modules.lazy import LazyModuleMixin",
        "from torch.nn.modules.linear import NonDynamicallyQuantizableLinear",
        "from torch.nn.modules.activation import MultiheadAttention",
        "from torch.nn.modules.rnn import RNNBase, RNNCellBase",
        "from torch.nn.modules.container import Sequential, Container",
        "from torch.nn.modules.transformer import TransformerEncoderLayer, _get_clones",
        "from torch.nn.parameter import Parameter, UninitializedBuffer, is_lazy",
        "from torch.nn.utils.rnn import PackedSequence",
        "from torch.nn.utils.clip_grad import clip_grad_norm_",
        "from torch.nn.utils.fusion import fuse_conv_bn_eval",
        "from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format",
        "from torch.nn.parallel import DataParallel, DistributedDataParallel",
        "from torch.nn.parallel.data_parallel import DataParallel",
        "from torch.nn.parallel.distributed import DistributedDataParallel as DDP",
        "from torch.nn.init import _calculate_fan_in_and_fan_out, trunc_normal_",
        "from torch.cuda.amp import GradScaler, autocast, custom_fwd, custom_bwd",
        "from torch.cuda.amp.grad_scaler import GradScaler",
        "from torch.cpu.amp import autocast",
        "from torch.optim.lr_scheduler import LRScheduler, _LRScheduler",
        "from torch.optim.optimizer import Optimizer, required",
        "from torch.optim.adamw import AdamW",
        "import torch.nn.functional as F; from torch.nn.functional import pad",
    ],
)
def test_imports_of_real_programs(line, imported):
    assert imported[line] == "ok"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Every import line in one process under the name torch."""
    import json

    from tests.programs import flambeau

    mark = test_imports_of_real_programs.pytestmark[0]
    script = tmp_path_factory.mktemp("imports") / "imports.py"
    script.write_text(
        "import json\n"
        f"lines = {list(mark.args[1])!r}\n"
        "found = {}\n"
        "for line in lines:\n"
        "    try:\n        exec(line)\n        found[line] = 'ok'\n"
        "    except Exception as error:\n        found[line] = repr(error)\n"
        "print(json.dumps(found))\n"
    )
    done = flambeau("run", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
