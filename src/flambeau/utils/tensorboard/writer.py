"""``SummaryWriter``: tensorboardX's, with flambeau's tensors."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from flambeau._tensor.tensor import Tensor

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """Writes scalars, histograms, pictures and text where TensorBoard reads them.

    Tensors are taken wherever PyTorch's writer takes them; they are read when they are given.
    It needs tensorboardX: ``pip install flambeau[tensorboard]``.

    Args:
        log_dir: the folder; ``runs/`` and the time by default.
        comment: put behind the default folder's name.
        purge_step: what an earlier run wrote from this step on is hidden.
        max_queue: how many events may wait in memory.
        flush_secs: how long they may.
        filename_suffix: put behind the file's name.

    Raises:
        ModuleNotFoundError: tensorboardX is not installed.

    Follows ``torch.utils.tensorboard.SummaryWriter``.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        try:
            import tensorboardX
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "SummaryWriter needs tensorboardX: pip install 'flambeau[tensorboard]'",
                name=error.name,
            ) from None
        self._writer: Any = tensorboardX.SummaryWriter(
            None if log_dir is None else str(log_dir),
            comment,
            purge_step,
            max_queue,
            flush_secs,
            filename_suffix,
        )

    @property
    def log_dir(self) -> str:
        """The folder that is written to."""
        return self._writer.logdir

    def get_logdir(self) -> str:
        """The folder that is written to."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Write a number; both styles and precisions are written as the plain one."""
        self._writer.add_scalar(tag, _plain(scalar_value), _plain(global_step), walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Write several numbers into one diagram."""
        self._writer.add_scalars(main_tag, _plain(tag_scalar_dict), _plain(global_step), walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Write how values are distributed."""
        step = _plain(global_step)
        self._writer.add_histogram(tag, _plain(values), step, bins, walltime, max_bins)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Write a picture of floats in ``[0, 1]`` or bytes."""
        step = _plain(global_step)
        self._writer.add_image(tag, _plain(img_tensor), step, walltime, dataformats)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Write a batch of pictures."""
        step = _plain(global_step)
        self._writer.add_images(tag, _plain(img_tensor), step, walltime, dataformats)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: Any = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Write a Matplotlib figure (or several), such as :mod:`flambeau.plot` makes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figures = list(figure) if isinstance(figure, (list, tuple)) else [figure]
        drawn = []
        for one in figures:
            canvas = FigureCanvasAgg(one)
            canvas.draw()
            drawn.append(np.asarray(canvas.buffer_rgba())[..., :3])
        step = _plain(global_step)
        if isinstance(figure, (list, tuple)):
            self._writer.add_images(tag, np.stack(drawn), step, walltime, "NHWC")
        else:
            self._writer.add_image(tag, drawn[0], step, walltime, "HWC")
        if close:
            for one in figures:
                one.clear()

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Write text, which TensorBoard shows as Markdown."""
        self._writer.add_text(tag, text_string, _plain(global_step), walltime)

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, **options: Any
    ) -> None:
        """Write the model's modules, as text under the tag ``model``.

        PyTorch's writer draws the operations of a traced model; here the tree of modules is
        written, as ``print(model)`` shows it. ``flambeau.summary(model, input)`` has more.
        """
        indented = "\n".join("    " + line for line in repr(model).splitlines())
        self.add_text("model", indented)
        if verbose:
            print(model)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Write a curve of precision against recall."""
        labels, predictions, weights = map(_plain, (labels, predictions, weights))
        self._writer.add_pr_curve(
            tag, labels, predictions, _plain(global_step), num_thresholds, weights, walltime
        )

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: Any = None,
    ) -> None:
        """Write a run's hyperparameters beside the figures that it reached.

        Args:
            hparam_dict: numbers, strings and bools by name.
            metric_dict: figures by name; also written as scalars.
            hparam_domain_discrete: accepted; the domains are not written.
            run_name: the folder within ``log_dir``; the time by default.
            global_step: the step of the figures.
        """
        hparams, metrics = dict(_plain(hparam_dict)), dict(_plain(metric_dict))
        self._writer.add_hparams(hparams, metrics, run_name, _plain(global_step))

    def add_embedding(
        self,
        mat: Any,
        metadata: Any = None,
        label_img: Any = None,
        global_step: Any = None,
        tag: str = "default",
        metadata_header: Any = None,
    ) -> None:
        """Write vectors for TensorBoard's projector.

        Args:
            mat: the vectors, ``(N, D)``.
            metadata: a label for each; rows of labels if there is a ``metadata_header``.
            label_img: a square picture for each, ``(N, C, H, H)``, in ``[0, 1]``.
            global_step: the step.
            tag: the name.
            metadata_header: the names of the columns of labels.
        """
        step = _plain(global_step)
        labels = _plain(metadata)
        pictures = _plain(label_img)
        with np.errstate(invalid="ignore"):  # of the sprite, what no picture fills is left unset
            self._writer.add_embedding(_plain(mat), labels, pictures, step, tag, metadata_header)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: Any = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """Write a video ``(N, T, C, H, W)`` of floats in ``[0, 1]`` or bytes.

        Raises:
            ModuleNotFoundError: moviepy, which encodes it, is not installed.
        """
        _need("add_video", "moviepy")
        self._writer.add_video(tag, _plain(vid_tensor), _plain(global_step), fps, walltime)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: Any = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Write sound of one channel, ``(1, L)`` or ``(L,)``, in ``[-1, 1]``.

        Raises:
            ModuleNotFoundError: soundfile, which encodes it, is not installed.
        """
        _need("add_audio", "soundfile")
        sound = np.asarray(_plain(snd_tensor)).reshape(-1)
        self._writer.add_audio(tag, sound, _plain(global_step), sample_rate, walltime)

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: Any = None,
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Write meshes or clouds of points.

        Args:
            tag: the name.
            vertices: ``(B, N, 3)``.
            colors: of the vertices, bytes ``(B, N, 3)``.
            faces: the vertices of each triangle, ``(B, M, 3)``.
            config_dict: how TensorBoard shows them.
            global_step: the step.
            walltime: the time to write.
        """
        vertices, colors, faces = map(_plain, (vertices, colors, faces))
        self._writer.add_mesh(
            tag, vertices, colors, faces, config_dict, _plain(global_step), walltime
        )

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, list[Any]]]) -> None:
        """Say which scalars share a diagram: category, title, ``["Multiline", tags]``.

        ``["Margin", [value, lower, upper]]`` shows a value between its bounds.
        """
        self._writer.add_custom_scalars(layout)

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Show scalars in one diagram."""
        self._writer.add_custom_scalars_multilinechart(tags, category, title)

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Show a scalar between its bounds: the tags of the value, the lower and the upper."""
        self._writer.add_custom_scalars_marginchart(tags, category, title)

    def flush(self) -> None:
        """Write what waits in memory."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits and close the files."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()


def _need(who: str, package: str) -> None:
    """TensorboardX writes nothing, and goes on, where a package is missing."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(
            f"SummaryWriter.{who} needs {package}: pip install {package}", name=package
        )


def _plain(value: Any) -> Any:
    """Tensors as arrays (numbers, if they have no dimensions), in containers as well."""
    if isinstance(value, Tensor):
        if value.dim() == 0:
            return value.item()
        value = value.detach().to("cpu")
        return (value.float() if value.dtype.name == "bfloat16" else value).numpy()
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(held) for held in value)
    return value
