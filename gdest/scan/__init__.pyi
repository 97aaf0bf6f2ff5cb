from .first_config import require_new as require_new, write_first_config as write_first_config
from .job import Job as Job, prepare_scan as prepare_scan
from .journal import Journal as Journal
from .locking import output_lock as output_lock
from .merge import merge_shards as merge_shards
from .outcome import MergeOutcome as MergeOutcome, Results as Results, ScanOutcome as ScanOutcome
from .previewing import Forecast as Forecast, Foreseen as Foreseen, foresee as foresee
from .scan import scan_archive as scan_archive, watch_archive as watch_archive
from .settings import ScanSettings as ScanSettings
from .stopping import called as called, heard as heard
from .survey import Survey as Survey, survey as survey
from .verifying import ledger_differences as ledger_differences
