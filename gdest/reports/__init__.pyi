from .assign import (
    ASSIGNED as ASSIGNED,
    Rules as Rules,
    counted_verdict as counted_verdict,
    read_rules as read_rules,
)
from .boundary_files import (
    CountedField as CountedField,
    read_corrected as read_corrected,
    require_rois as require_rois,
    write_boundaries as write_boundaries,
    write_geojson as write_geojson,
    write_labels as write_labels,
    write_rois as write_rois,
)
from .certificate import write_certificate as write_certificate
from .certificate_hashes import (
    CERTIFICATES as CERTIFICATES,
    keep_hash as keep_hash,
    notes_on_certificates as notes_on_certificates,
    read_hashes as read_hashes,
)
from .column import Cell as Cell
from .columns import COLUMNS as COLUMNS, column_notes as column_notes
from .counted_cells import count_cells as count_cells
from .differences import (
    UNPROVEN as UNPROVEN,
    differences as differences,
    kept_elsewhere as kept_elsewhere,
)
from .every import REPORTS as REPORTS, SPECIMENS as SPECIMENS, write_reports as write_reports
from .heatmap import (
    draw_grades as draw_grades,
    draw_heatmap as draw_heatmap,
    pixel_grades as pixel_grades,
    side_by_side as side_by_side,
    write_heatmap as write_heatmap,
)
from .laboratory import Laboratory as Laboratory, read_laboratory as read_laboratory
from .limits import Limit as Limit, Verdict as Verdict
from .limits_found import acceptance as acceptance
from .no_metal import as_shown as as_shown, shows_no_metal as shows_no_metal
from .overlay import draw_counted as draw_counted, draw_overlay as draw_overlay
from .packing import save_png as save_png
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
    file_sha256 as file_sha256,
    read_acceptance as read_acceptance,
    read_head as read_head,
    read_record as read_record,
)
from .report_settings import ReportSettings as ReportSettings, csv_style as csv_style
from .rows import (
    MOST_IN_MEMORY as MOST_IN_MEMORY,
    Pairs as Pairs,
    Rows as Rows,
    RowsError as RowsError,
    StreamedPairs as StreamedPairs,
    StreamedRows as StreamedRows,
)
from .said_by_rules import Acceptance as Acceptance
from .specimen_rules import SpecimenRule as SpecimenRule
from .table import ModelName as ModelName, cells as cells
from .unfinished import specimens_of as specimens_of
