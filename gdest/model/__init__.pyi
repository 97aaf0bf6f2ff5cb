from .devices import (
    EngineChoice as EngineChoice,
    choose_device as choose_device,
    choose_engine as choose_engine,
    has_fast_bf16 as has_fast_bf16,
    openvino_is_installed as openvino_is_installed,
)
from .gradcam import explain as explain, share_within as share_within, splice as splice
from .judge import KINDS as KINDS, NOVELTY_AXES as NOVELTY_AXES, Judge as Judge, describe as describe
from .network import (
    GradeNetwork as GradeNetwork,
    LoadedModel as LoadedModel,
    build_network as build_network,
    load_model as load_model,
    save_model as save_model,
    to_device as to_device,
)
from .openvino_engine import (
    leave_cores_to_openvino as leave_cores_to_openvino,
    measure_8_bits as measure_8_bits,
)
from .predictor import NetworkPredictor as NetworkPredictor
from .torch_engine import BATCH as BATCH
from .weights_file import (
    BUNDLED_CLASSIFIER as BUNDLED_CLASSIFIER,
    ModelFile as ModelFile,
    check_for_grading as check_for_grading,
    read_model_file as read_model_file,
    weights_path as weights_path,
)
