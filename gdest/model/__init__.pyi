from . import network as network
from .gradcam import explain as explain, share_within as share_within, splice as splice
from .network import (
    NOVELTY_AXES as NOVELTY_AXES,
    GradeNetwork as GradeNetwork,
    Judge as Judge,
    LoadedModel as LoadedModel,
    describe as describe,
    to_device as to_device,
)
from .predictor import (
    BATCH as BATCH,
    NetworkPredictor as NetworkPredictor,
    choose_device as choose_device,
    has_fast_bf16 as has_fast_bf16,
)
from .weights_file import ModelFile as ModelFile, read_model_file as read_model_file
from .weights_path import BUNDLED_CLASSIFIER as BUNDLED_CLASSIFIER, weights_path as weights_path
