from .job import Job as Job, prepare_scan as prepare_scan
from .journal import Journal as Journal
from .locking import output_lock as output_lock
from .merge import merge_shards as merge_shards
from .outcome import MergeOutcome as MergeOutcome, Results as Results, ScanOutcome as ScanOutcome
from .planning import preview as preview
from .scan import scan_archive as scan_archive, watch_archive as watch_archive
from .settings import ScanSettings as ScanSettings
from .stopping import called as called, heard as heard
from .verifying import ledger_differences as ledger_differences
