"""Checks for our operations and for yours.

`gradcheck` and `gradgradcheck` compare derivatives with differences, `assert_close` compares values; all three have
PyTorch's signatures. `check_op` puts an op through the whole law suite and then tests the suite itself by planting
errors; `law_tests` does so under pytest. ``python -m tinygrad_cv.testing`` prints the mutation report.
"""

from __future__ import annotations

from .case import Case as Case
from .case import Draw as Draw
from .case import Sample as Sample
from .case import load_cases as load_cases
from .check import check_errors as check_errors
from .check import check_law as check_law
from .check import check_op as check_op
from .check import error_tests as error_tests
from .check import law_tests as law_tests
from .closeness import assert_close as assert_close
from .gradients import GradcheckError as GradcheckError
from .gradients import derivative as derivative
from .gradients import gradcheck as gradcheck
from .gradients import gradgradcheck as gradgradcheck
from .law import Law as Law
from .law import LawError as LawError
from .laws import LAWS as LAWS
from .mutations import Report as Report
from .mutations import mutation_report as mutation_report
