from .dataset import make_micrograph as make_micrograph, write_dataset as write_dataset
from .label_maps import whole_areas as whole_areas
from .settings import SynthSettings as SynthSettings
from .unfit import draw_unfit as draw_unfit
