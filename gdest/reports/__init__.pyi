from .assign import Rules as Rules, read_rules as read_rules
from .columns import COLUMNS as COLUMNS, Cell as Cell, column_notes as column_notes
from .every import REPORTS as REPORTS, rejected as rejected, write_reports as write_reports
from .heatmap import (
    draw_grades as draw_grades,
    draw_heatmap as draw_heatmap,
    pixel_grades as pixel_grades,
    save_png as save_png,
    side_by_side as side_by_side,
    write_heatmap as write_heatmap,
)
from .pictures import (
    PICTURE_FOLDERS as PICTURE_FOLDERS,
    picture_names as picture_names,
    remove_pictures as remove_pictures,
    write_pictures as write_pictures,
)
from .record import (
    Record as Record,
    caution as caution,
    library_versions as library_versions,
    this_host as this_host,
)
from .record_file import (
    RECORD_FILE as RECORD_FILE,
    differences as differences,
    file_sha256 as file_sha256,
    read_record as read_record,
)
from .table import ModelName as ModelName, cells as cells
