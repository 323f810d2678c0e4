"""Knowledge distillation: a small network learns from a large one's scores as well as from the labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from tinygrad_cv import nn, optim
from tinygrad_cv.autograd import no_grad
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.train.trainer import Record, Trainer


class DistillationLoss(nn.Module):
    """A mixture of the labels' cross entropy and the distance to a teacher's scores.

    With ``kind="soft"``, (1 - alpha) CE(z, label) + alpha T^2 KL(softmax(t / T) || softmax(z / T)); the factor T^2
    keeps the size of the gradient, which falls with 1/T^2. With ``kind="mse"``, CE(z, label) + alpha mean((z - t)^2),
    the form that the study notes give. z and t are the scores of student and teacher.

    Parameters
    ----------
    temperature : T, above zero; large ones show how the teacher ranks the wrong classes.
    alpha : share (soft) or weight (mse) of the teacher.

    Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, 2015,
    section 2; for scores J. Ba, R. Caruana, "Do Deep Nets Really Need to be Deep?", NeurIPS 2014.
    """

    def __init__(self, temperature: float = 4.0, alpha: float = 0.9, kind: Literal["soft", "mse"] = "soft") -> None:
        super().__init__()
        if temperature <= 0 or alpha < 0 or (kind == "soft" and alpha > 1):
            raise ArgumentError(
                f"DistillationLoss: got temperature={temperature}, alpha={alpha}; give a temperature above zero and an "
                "alpha of at least 0, at most 1 if kind is 'soft'"
            )
        if kind not in ("soft", "mse"):
            raise ArgumentError(f"DistillationLoss: kind is {kind!r}; give 'soft' or 'mse'")
        self.temperature, self.alpha, self.kind = temperature, alpha, kind

    def forward(self, scores: Any, teacher: Any, labels: Any) -> Any:
        """The loss, a mean over the batch, of scores (N, K), the teacher's scores (N, K) and labels (N,)."""
        if scores.shape != teacher.shape:
            raise ShapeError(
                f"DistillationLoss: the student gives {scores.shape}, the teacher {teacher.shape}; give both as many "
                "classes"
            )
        hard = F.cross_entropy(scores, labels)
        if self.kind == "mse":
            return hard + F.mse_loss(scores, teacher) * self.alpha
        t = self.temperature
        soft = F.kl_div(F.log_softmax(scores / t, -1), F.softmax(teacher / t, -1), reduction="batchmean")
        return hard * (1 - self.alpha) + soft * (self.alpha * t * t)


class DistillationTrainer(Trainer):
    """A `Trainer` whose network also learns from a teacher, which is kept in evaluation mode and does not learn.

    Parameters
    ----------
    model, optimizer : the student and its optimiser.
    teacher : a trained network for the same images and classes.
    loss : a `DistillationLoss`.
    options : those of `Trainer`.
    """

    def __init__(
        self,
        model: nn.Module,
        teacher: nn.Module,
        optimizer: optim.Optimizer,
        loss: DistillationLoss | None = None,
        **options: Any,
    ) -> None:
        self.teacher, self.loss = teacher.eval(), loss or DistillationLoss()
        self._advice: Any = None
        super().__init__(model, optimizer, criterion=self._mixed, **options)

    def _learn(self, images: Any, targets: Any) -> None:
        with no_grad():
            self._advice = self.teacher(images)
        super()._learn(images, targets)

    def _mixed(self, scores: Any, targets: Any) -> Any:
        return self.loss(scores, self._advice, targets)


def distill(
    student: nn.Module,
    teacher: nn.Module,
    loader: Any,
    test_loader: Iterable[Any] | None = None,
    *,
    epochs: int = 1,
    lr: float = 1e-3,
    temperature: float = 4.0,
    alpha: float = 0.9,
    kind: Literal["soft", "mse"] = "soft",
    callbacks: Sequence[Any] = (),
) -> list[Record]:
    """Train ``student`` with AdamW on labels and on the scores of ``teacher``; return its history."""
    optimizer = optim.AdamW(student.parameters(), lr=lr)
    loss = DistillationLoss(temperature, alpha, kind)
    trainer = DistillationTrainer(student, teacher, optimizer, loss, callbacks=callbacks)
    return trainer.fit(loader, test_loader, epochs)
