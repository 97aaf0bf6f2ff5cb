from .batching import Predictor as Predictor
from .counting import (
    METHOD_HALF_WIDTH as METHOD_HALF_WIDTH,
    chance_of_count as chance_of_count,
    count_at_pixel_size as count_at_pixel_size,
    count_grains as count_grains,
)
from .doubts import (
    UNKNOWN_PIXEL_SIZE as UNKNOWN_PIXEL_SIZE,
    doubts_of_count as doubts_of_count,
    impossible as impossible,
    over_limits as over_limits,
)
from .grains import grain_labels as grain_labels
from .informed import (
    factor_of as factor_of,
    informed as informed,
    informed_half_width as informed_half_width,
    way_to_count as way_to_count,
)
from .pipeline import (
    Finish as Finish,
    Memory as Memory,
    as_it_is as as_it_is,
    boundary_fields as boundary_fields,
    grade_files as grade_files,
    grade_map_of as grade_map_of,
    grade_micrographs as grade_micrographs,
    graded_row as graded_row,
    no_memory as no_memory,
)
from .zooms import (
    COARSE_G as COARSE_G,
    FINE_G as FINE_G,
    G_PER_HALVING as G_PER_HALVING,
    is_enlarged as is_enlarged,
    predict_grade_map as predict_grade_map,
)
