from .evaluation import (
    count_errors_by_group as count_errors_by_group,
    errors_by_group as errors_by_group,
    evaluate as evaluate,
    evaluate_as_paper as evaluate_as_paper,
    scores_by_group as scores_by_group,
    write_errors as write_errors,
    write_scores as write_scores,
)
from .fit import train as train
from .measuring import Errors as Errors
from .opinion import Opinion as Opinion
from .own_steel import calibrate_own as calibrate_own
from .paper_scores import Scores as Scores
from .run_files import checkpoint_path as checkpoint_path, epochs_logged as epochs_logged
from .settings import TrainSettings as TrainSettings
from .study.grid import chosen as chosen
from .study.making import make_study as make_study
from .study.page import VERDICT as VERDICT
from .study.schemes import GRADE_SETS as GRADE_SETS, PRESETS as PRESETS, StudySettings as StudySettings
