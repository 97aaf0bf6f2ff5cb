from .decoders import prepare_decoders as prepare_decoders
from .given import image_given as image_given
from .headers import Header as Header, magnifications_told as magnifications_told, read_headers as read_headers
from .micrograph import read_micrograph as read_micrograph, read_micrographs as read_micrographs
from .pixel_size import with_mixed_names as with_mixed_names
from .scale_bar import require_scale_bar_reader as require_scale_bar_reader
