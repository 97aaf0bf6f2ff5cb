from .dataset import (
    Synthetic as Synthetic,
    draw_micrograph as draw_micrograph,
    make_micrograph as make_micrograph,
    write_dataset as write_dataset,
)
from .label_maps import whole_areas as whole_areas
from .settings import SynthSettings as SynthSettings, read_size as read_size
from .unfit import draw_unfit as draw_unfit
