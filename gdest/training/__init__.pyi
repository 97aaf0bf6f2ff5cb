from .evaluation import (
    errors_by_group as errors_by_group,
    evaluate as evaluate,
    evaluate_classes as evaluate_classes,
    scores_by_group as scores_by_group,
    write_classes as write_classes,
    write_evaluation as write_evaluation,
)
from .fit import train as train
from .metrics import Errors as Errors
from .scores import Scores as Scores
from .settings import TrainSettings as TrainSettings
from .study.grid import chosen as chosen
from .study.report import VERDICT as VERDICT, run_study as run_study
from .study.schemes import GRADE_SETS as GRADE_SETS, PRESETS as PRESETS, StudySettings as StudySettings
