from . import grain_size as grain_size
from .calibration import (
    CalibrationSettings as CalibrationSettings,
    Objective as Objective,
    PixelSizeRule as PixelSizeRule,
    UmPerPx as UmPerPx,
)
from .child_process import Connection as Connection, start_python as start_python
from .config import Section as Section, naming as naming, read_config as read_config, slashed as slashed
from .counted import (
    BOUNDARY_CLASSES as BOUNDARY_CLASSES,
    INTERCEPT_DEGREES as INTERCEPT_DEGREES,
    BoundaryField as BoundaryField,
    GrainCount as GrainCount,
    Mark as Mark,
    Overlay as Overlay,
)
from .crop import CropRule as CropRule, crop_for as crop_for
from .csv_cells import inert as inert, live as live
from .csv_file import write_csv_lines as write_csv_lines
from .errors import (
    ArchiveError as ArchiveError,
    DataError as DataError,
    GdestError as GdestError,
    MicrographError as MicrographError,
    NothingGradedError as NothingGradedError,
    OutputError as OutputError,
    PassingError as PassingError,
    SettingsError as SettingsError,
    WeightsError as WeightsError,
    in_plain_words as in_plain_words,
    require as require,
)
from .exit_codes import ExitCode as ExitCode, exit_code as exit_code
from .figures import how_many as how_many, in_whole as in_whole, told_apart as told_apart
from .file_names import (
    HASHED as HASHED,
    fits as fits,
    fitting_name as fitting_name,
    hashed_name as hashed_name,
    in_other_forms as in_other_forms,
    is_of_a_name as is_of_a_name,
    is_of_a_name_for_ever as is_of_a_name_for_ever,
)
from .files import (
    SUFFIXES as SUFFIXES,
    UNFINISHED as UNFINISHED,
    as_output_error as as_output_error,
    file_at as file_at,
    image_files as image_files,
    page_name as page_name,
    path_named as path_named,
    readable_name as readable_name,
    remove_unfinished as remove_unfinished,
    split_page as split_page,
    write_atomically as write_atomically,
)
from .fingerprints import alike as alike, fingerprint as fingerprint
from .grid import (
    area_by_half_grade as area_by_half_grade,
    covered_px as covered_px,
    cut_tiles as cut_tiles,
    metal_grid as metal_grid,
    metal_tiles as metal_tiles,
    spread_tiles as spread_tiles,
    tile_areas as tile_areas,
    tile_grid as tile_grid,
    usable_tiles as usable_tiles,
)
from .label_maps import (
    NEIGHBOURS as NEIGHBOURS,
    beyond_both as beyond_both,
    boundary_mask as boundary_mask,
    rim_shares as rim_shares,
    signs_above as signs_above,
)
from .magnification import (
    in_words as in_words,
    magnification_of_name as magnification_of_name,
    magnifications_in as magnifications_in,
)
from .model_card import (
    MOST_ALLOWED as MOST_ALLOWED,
    STRUCTURES as STRUCTURES,
    UNFIT as UNFIT,
    Doubt as Doubt,
    ModelCard as ModelCard,
    interpolate as interpolate,
)
from .option import (
    POSITIVE as POSITIVE,
    SHARE as SHARE,
    SHARE_OR_NONE as SHARE_OR_NONE,
    Asked as Asked,
    Check as Check,
    Declared as Declared,
    Option as Option,
    Panel as Panel,
    at_least as at_least,
    between as between,
    check_fields as check_fields,
    declared_fields as declared_fields,
)
from .own_output import LEDGER as LEDGER, LEDGER_ID as LEDGER_ID, LOCK as LOCK, LeftOut as LeftOut
from .plain_text import (
    REPLACEMENT as REPLACEMENT,
    escaped_json as escaped_json,
    printable as printable,
    stays_inside as stays_inside,
)
from .records import (
    Failed as Failed,
    FileState as FileState,
    Graded as Graded,
    GradeMap as GradeMap,
    GradeStatistics as GradeStatistics,
    ImageFile as ImageFile,
    Micrograph as Micrograph,
    PixelSize as PixelSize,
    Row as Row,
    TileAnswers as TileAnswers,
    TileGrid as TileGrid,
    now as now,
)
from .room import (
    LARGE_BYTES as LARGE_BYTES,
    SECONDS_BETWEEN_SIGNS as SECONDS_BETWEEN_SIGNS,
    Lender as Lender,
    Room as Room,
    give_to_the_system as give_to_the_system,
)
from .settings import (
    Device as Device,
    GradeSettings as GradeSettings,
    answer_settings as answer_settings,
    with_pixel_size_rules as with_pixel_size_rules,
)
from .student import student_t as student_t
from .tables import (
    count_csv_lines as count_csv_lines,
    number as number,
    read_lines as read_lines,
    read_table as read_table,
)
from .terminal import (
    MOST_NAMED as MOST_NAMED,
    be_quiet as be_quiet,
    in_hours as in_hours,
    in_time as in_time,
    named as named,
    progress as progress,
    say as say,
    say_always as say_always,
    say_each as say_each,
    say_where_quiet as say_where_quiet,
    stderr as stderr,
    warn as warn,
)
from .threads import (
    CORES as CORES,
    GivenUpError as GivenUpError,
    heartbeat as heartbeat,
    in_order as in_order,
    wait_for_room as wait_for_room,
)
from .tiles import (
    GreyImage as GreyImage,
    Regions as Regions,
    Tiles as Tiles,
    cut_parts as cut_parts,
    halve as halve,
    some_of as some_of,
    tiles_of as tiles_of,
)
from .version import __version__ as __version__
from .words import (
    CSV_STYLES as CSV_STYLES,
    DUPLEX as DUPLEX,
    HEADS as HEADS,
    INPUTS as INPUTS,
    NO_MEMORY as NO_MEMORY,
    NO_METAL as NO_METAL,
    PIXEL_SIZES_DISAGREE as PIXEL_SIZES_DISAGREE,
    Backbone as Backbone,
    CsvStyle as CsvStyle,
    Head as Head,
    NetworkInput as NetworkInput,
    PixelSizeSource as PixelSizeSource,
    Status as Status,
    Task as Task,
    is_duplex as is_duplex,
)
from .writable import is_read_only as is_read_only, require_writable as require_writable
