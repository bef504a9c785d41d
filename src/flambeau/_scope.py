# ruff: noqa: ISC004 - patterns span lines
"""What of PyTorch is out of scope, in one table with the reasons.

A namespace of flambeau that lacks names on purpose ends with ``__getattr__ = namespace(__name__)``.
Asking it for such a name raises :class:`flambeau.errors.OutOfScopeNameError` (an
``AttributeError``, so ``hasattr`` is False and programs that look before they leap go their other
way), and ``from torch... import name`` raises :class:`flambeau.errors.OutOfScopeImportError`. Both
say why. `docs/reference/coverage.md` is written from the same table.
"""

from __future__ import annotations

import dis
import functools
import importlib
import re
import sys
from collections.abc import Callable, Collection
from typing import Any

from flambeau.errors import OutOfScopeError, OutOfScopeImportError, OutOfScopeNameError

SPARSE = "sparse tensors are out of scope; flambeau's tensors are dense"
QUANTIZED = "quantized tensors are out of scope"
NESTED = "nested tensors are out of scope; pad, or use torch.nn.utils.rnn"
NAMED = "named tensors are out of scope"
SCRIPT = "TorchScript's graphs and types are out of scope; programs are compiled as they run"
SYMBOLS = "symbolic shapes are out of scope; shapes here are always numbers"
GRAPHS = "graphs of Python code are out of scope; flambeau records operations as they run"
BACKEND = "internals of one of PyTorch's backends are out of scope; XLA stands in their place"
INTERNAL = "internals of PyTorch are out of scope"
CALLS = "PyTorch's dispatcher is out of scope; wrap a JAX function with flambeau.wrap_jax instead"
PROCESSES = "PyTorch's groups of processes are out of scope; one process drives every device"
EXPORT = "exporting programs is out of scope; save the state dict, or lower the function with JAX"
PACKAGE = "packages of code and weights are out of scope; save the state dict"
REMOTE = "code fetched from the net is out of scope; download the weights and build the model"
EXTENSION = "extensions of PyTorch's C++ library are out of scope; flambeau.wrap_jax takes JAX's"
MOBILE = "PyTorch's mobile runtime is out of scope"
PIPES = "the retired DataPipes are out of scope; use Dataset and DataLoader"
BITS = "types of less than a byte, and untyped bits, are out of scope"
OVERRIDES = "hooks below the Python functions are out of scope; subclass torch.Tensor"
COUNTING = "counting below the Python functions is out of scope; see flambeau.summary"

# Full names below `torch.` (regular expressions, matched whole; the first that fits says why). A
# row for a namespace ends in `(\..*)?`.
OUTSIDE: tuple[tuple[str, str], ...] = (
    # -- namespaces
    (r"(ao|quantization|nn\.(quantized|quantizable|qat|intrinsic)|backends\.quantized)(\..*)?",
     QUANTIZED),
    (r"(sparse|cuda\.sparse)(\..*)?", SPARSE),
    (r"nested(\..*)?", NESTED),
    (r"fx(\..*)?", GRAPHS),
    (r"(onnx|export)(\..*)?", EXPORT),
    (r"package(\..*)?", PACKAGE),
    (r"hub\.(load|list|help|.*[A-Z].*)", REMOTE),
    (r"jit\..*", SCRIPT),
    (r"distributed\..*|utils\.data\.(distributed\.)?(DistributedSampler|distributed)", PROCESSES),
    (r"(ops|classes|library|contrib)(\..*)?", CALLS),
    (r"(utils\.cpp_extension|cpp|nn\.cpp|utils\.(hipify|file_baton|cpp_backtrace))(\..*)?",
     EXTENSION),
    (r"utils\.flop_counter\..*", COUNTING),
    (r"utils\.(mobile_optimizer|bundled_inputs|model_dump|show_pickle|bottleneck|jit)(\..*)?",
     MOBILE),
    (r"utils\.(backend_registration|(rename|generate_methods_for)_privateuse1_backend|"
     r"generate_methods_for_privateuse1_backend|get_cpp_backtrace|cmake_prefix_path|"
     r"backcompat|throughput_benchmark|ThroughputBenchmark|module_tracker)(\..*)?", INTERNAL),
    (r"utils\.data\.(datapipes|graph|graph_settings|backward_compatibility|.*DataPipe|DataChunk|"
     r"functional_datapipe|guaranteed_datapipes_determinism|non_deterministic|"
     r"runtime_validation.*|argument_validation|dataloader\..*DataPipe)(\..*)?", PIPES),
    (r"(mtia|xpu|mps|cuda)\.(.*[gG]raph.*|.*MemPool|.*PluggableAllocator|caching_allocator_.*|"
     r"change_current_allocator|get_allocator_backend|MemPool|use_mem_pool|memory_snapshot|"
     r"record_memory_history|snapshot|attach_out_of_memory_observer|check_error|cudaStatus|"
     r"cudart|current_blas_handle|current_solver_handle|nccl|gds|jiterator|tunable|"
     r"green_contexts|GreenContext|comm|nvtx|profiler|DeferredCudaCallError|"
     r"get_stream_from_external|ExternalStream|ipc_collect|list_gpu_processes|"
     r"PYTORCH_RELEASES_CODE_CC|DEVICE_REQUIREMENT|CudaError|power_draw|temperature|clock_rate|"
     r"utilization|memory_usage|device_memory_used|host_memory_.*|.*host_memory_stats|"
     r"make_graphed_callables|compile_shader|load_metallib|can_device_access_peer|"
     r"has_magma|has_half|memory|random|streams|DeferredMtiaCallError|classproperty|event)"
     r"(\..*)?", BACKEND),
    (r"accelerator\.(Graph|graphs|memory)(\..*)?", BACKEND),
    (r"(monitor|_dynamo|_inductor|_functorch|_C|_prims|_refs|_ops|_subclasses|_decomp|_export|"
     r"_lazy|_library|_logging|_higher_order_ops|numa|headeronly|native|nativert|cpu\.amp|"
     r"futures\.(S|T))(\..*)?", INTERNAL),
    (r"autograd\.(profiler_legacy|profiler_util|kineto_available|Profiler.*|ProfilerEvent|"
     r"DeviceType|enforce_grad_layout_policy|NestedIOFunction|SavedTensor|"
     r"is_view_replay_enabled|function\.(AUTOGRAD_FUNCTION_COUNTER|BackwardCFunction|"
     r"FunctionMeta|InplaceFunction|NestedIOFunction|custom_function_call|hooks)|"
     r"variable\.(ImperativeEngine|VariableMeta)|functional\.fwAD|gradcheck\..*)(\..*)?",
     INTERNAL),
    (r"autograd\.profiler\.(?!profile$|record_function$|emit_nvtx$).*", INTERNAL),
    (r"profiler\.(itt|python_tracer|profiler|.*[oO]bserver.*|kineto_available|DeviceType|"
     r"register_.*|supported_activities|ExecutionTrace.*|ProfilerAction_.*)(\..*)?", INTERNAL),
    (r"cuda\.default_generators|(Tensor\.)?is_distributed|autograd\.grad_mode\.set_multi.*|"
     r"backends\.(.*\.)?(m|python_native|ContextProp|PropModule)(\..*)?|"
     r"backends\.(cudnn\.rnn|xeon\.run_cpu|cuda\.(SDP.*|.*workspace_size|cuFFTPlanCache.+))(\..*)?|"
     r"compiler\.(CacheInfo|NestedCompile.*|keep_.*|skip_.*|.*_cache_artifacts|wrap_numpy|"
     r"load_compiled_function|set_enable_guard_collectives|config)(\..*)?|"
     r"autograd\.((is|set)_multithreading_enabled|grad_mode\.enforce_.*)|embedding_bag|"
     r"(cuda\.)?amp\.(amp_definitely_not_available|common)|"
     r"cuda\.amp\.common\.amp_definitely_not_available|"
     r"multiprocessing\.(.*ENV_VAR_PARALLEL_START|pool|queue|reductions)(\..*)?|"
     r"profiler\.(KinetoStepTracker|Optimizer|RecordScope|is_fbcode)|"
     r"return_types\.(SequenceKey|name|register_pytree_node|return_types)|"
     r"signal\.windows\.windows(\..*)?|version\.rocm|xpu\.is_current_stream_capturing|"
     r"testing\.FileCheck|utils\.benchmark\.(Callgrind.*|Colorize|CopyIf.*|Function.*|Fuzz.*|"
     r"Language|Number|ParameterAlias|TaskSpec|ordered_unique|select_unit|set_torch_threads|"
     r"trim_sigfig|unit_to_english|utils)(\..*)?|Tensor\.index|utils\.copyreg", INTERNAL),
    (r"overrides\..*|.*(handle_torch_function|has_torch_function.*|is_tensor_like)", OVERRIDES),
    # -- names
    (r"(.*\.)?((?!sparse_coo$).*sparse.*|coalesce|is_coalesced|crow_.*|ccol_.*|col_indices.*|row_indices.*|"
     r"indices|values|indices_copy|values_copy|dense_dim|sspaddmm|hspmm|smm|spmm|dsmm|hsmm|"
     r"saddmm|to_dense)", SPARSE),
    (r"(.*\.)?(.*quant(?!ile).*|q_.*|Q[A-Z].*|q(u)?int.*|per_(channel|tensor)_.*|int_repr|fbgemm.*|"
     r"qscheme|dequantize)", QUANTIZED),
    (r"(.*\.)?(.*nested.*|jagged|to_padded_tensor)", NESTED),
    (r"(.*\.)?(align_.*|rename_?|refine_names|has_names)", NAMED),
    (r"(.*\.)?(sym_.*|Sym[A-Z].*|py_sym_types)", SYMBOLS),
    (r"(u?int[1-7]|bits.*|bit|float4_.*|complex32|chalf|Tensor\.chalf)", BITS),
    (r"(cudnn_.*|miopen_.*|mkldnn_.*|Tensor\.to_mkldnn|xpu_.*|is_vulkan_available|"
     r"Tensor\.(ipu|xpu|mtia|hpu|is_distributed|is_vulkan|is_maia)|"
     r"batch_norm_(backward_.*|elemt|gather_.*|stats|update_stats)|slice_inverse|"
     r"Tensor\.(slice_inverse|module_load)|profiler_allow_.*|.*_(ipu|xla)_.*)", BACKEND),
    (r"(AVG|SUM|AggregationType|AliasDb|AnyType|Argument.*|Await.*|Benchmark.*|Block|BoolType|"
     r"BufferDict|CallStack|Capsule|ClassType|Code|CompilationUnit|Complete.*|ComplexType|"
     r"Concrete.*|DeepCopyMemoTable|Deserialization.*|DeviceObjType|DictType|EnumType|"
     r"ErrorReport|ExecutionPlan|FatalError|FileCheck|FloatType|FunctionSchema|Future|"
     r"FutureType|Gradient|Graph.*|IODescriptor|InferredType|IntType|InterfaceType|"
     r"JITException|ListType|LiteScriptModule|LockingLogger|LoggerBase|ModuleDict|Node|NoneType|"
     r"NoopLogger|NumberType|OperatorInfo|OptionalType|ParameterDict|PyObjectType|"
     r"PyTorchFile.*|RRefType|Script.*|Serialization.*|StaticModule|StreamObjType|StringType|"
     r"TensorType|ThroughputBenchmark|TracingState|TupleType|Type|UnionType|Use|Value|"
     r"import_ir_.*|merge_type_.*|parse_.*|unify_type_list|fork|wait|unsafe_type|"
     r"thread_safe_generator|random\.thread_safe_generator|get_file_path|"
     r"prepare_multiprocessing_environment|PRIVATE_OPS|USE_.*|classproperty|has_(lapack|mkl|openmp|spectral|cuda|cudnn|mps|magma)|"
     r"autocast_(in|de)crement_nesting|StorageBase|DispatchKey.*|ExcludeDispatchKeyGuard|"
     r"DisableTorchFunction.*|Tag|compiled_with_cxx11_abi|init_num_threads|"
     r"types\.(DispatchKey|BoolLikeType|FloatLikeType|IntLikeType|PySymType)|windows|"
     r"legacy_contiguous_format|choose_qparams_optimized|native_norm|grid_sampler_[23]d|"
     r"Tensor\.(grad_dtype|name|volatile|reinforce)|TYPE_CHECKING|"
     r"get_autocast_(ipu|xla)_dtype|AcceleratorError|cuda\.AcceleratorError)", INTERNAL),
    (r"(Tensor\.)?(eig|symeig|solve|lstsq|matrix_rank|resize|resize_as)",
     "names that PyTorch itself retired are out of scope; torch.linalg has their successors"),
    (r"nn\.functional\.(boolean_dispatch|assert_int_or_pair|scaled_mm|"
     r"scaled_grouped_mm|ScalingType|SwizzleType|BroadcastingList[123]|grad)", INTERNAL),
    (r".*\.(TYPE_CHECKING|torch|common_args|factory_common_args|common_notes|multi_dim_common|"
     r".*_notes|T|R|F|P|S|K|V|U|Any|T_module|HAS_NUMPY|dist|hooks|copy_method_params|bind|"
     r"PackedSequence_|ConvT|LinearT|OpaqueBase|is_opaque_reference_type|"
     r"is_traceable_wrapper_subclass|NamedMemberAccessor|ExceptionWrapper|is_traceable|"
     r"get_swap_module_params_on_conversion|EPOCH_DEPRECATION_WARNING|BackwardHook|"
     r"autocast_decorator|NonDynamicallyQuantizableLinear)", INTERNAL),
)  # fmt: skip


@functools.cache
def _rows() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), why) for pattern, why in OUTSIDE)


@functools.cache
def reason(path: str) -> str | None:
    """Why ``torch.x.y`` (a dotted path, with or without ``torch.``) is out of scope, or None.

    Example:
        >>> from flambeau._scope import reason
        >>> reason("torch.quantize_per_tensor")
        'quantized tensors are out of scope'
        >>> reason("torch.add") is None
        True
    """
    path = path.removeprefix("torch.")
    return next((why for pattern, why in _rows() if pattern.fullmatch(path)), None)


def message(path: str) -> str | None:
    """What the error says about a name that is out of scope, or None."""
    why = reason(path)
    return None if why is None else f"`{path}` is not in flambeau on purpose: {why}"


def unsupported(path: str) -> OutOfScopeError:
    """The error for calling a name that exists here only so that programs can be imported."""
    return OutOfScopeError(message(path) or f"`{path}` is not in flambeau on purpose")


def importing(depth: int = 2) -> bool:
    """Whether the caller's caller runs ``from module import name``."""
    frame = sys._getframe(depth)
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"


told_of_namespaces: list[Callable[[str], None]] = []
"""Called with the name of each module that has all its names."""


def namespace(module: str, lazy: Collection[str] = ()) -> Callable[[str], Any]:
    """A module's ``__getattr__``: imports the submodules in `lazy`, explains what is outside.

    It is the last thing a module calls: those in ``told_of_namespaces`` hear that it is complete.

    Raises (from the function it makes):
        OutOfScopeNameError: the table has the name; OutOfScopeImportError where it is imported.
        AttributeError: neither has it.
    """
    alias = "torch" + module.removeprefix("flambeau")
    names = frozenset(lazy)

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in names:
            try:
                return importlib.import_module(f"{module}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{module}.{name}":
                    raise
        if not name.startswith("__"):
            text = message(f"{alias}.{name}")
            if text is not None:
                if importing():
                    raise OutOfScopeImportError(text, name=f"{alias}.{name}")
                raise OutOfScopeNameError(text, name=name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)

    for told in told_of_namespaces:
        told(module)
    return __getattr__
