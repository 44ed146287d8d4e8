"""What a backup is, as values. Instants are in UTC with whole seconds: they name backups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cep_orchestration.failures import CepError


class BackupError(CepError):
    """A backup or a restore failed: one Spanish sentence that says what, and what to do."""


class Kind(StrEnum):
    """What is backed up; also the prefix of its keys."""

    DATABASE = "database"
    MEDIA = "media"


class BackupType(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


@dataclass(frozen=True)
class Inventory:
    """What a database holds at one instant. `rows`: by table, as schema.table, the tables of extensions left out.
    `schema_hash`: SHA-256 over what the tables, views, functions and keys are. `migration_head`: ours, None: none."""

    rows: Mapping[str, int]
    schema_hash: str
    migration_head: str | None

    @property
    def all_rows(self) -> int:
        return sum(self.rows.values())


@dataclass(frozen=True)
class Packed:
    """A stream that was compressed, perhaps encrypted, and stored. Hashes are SHA-256 in hexadecimal digits."""

    raw_bytes: int
    raw_sha256: str
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True)
class DatabaseManifest:
    """One dump. `key`: of its object. `recipient`: the age public key that it is encrypted to; "": it is not."""

    taken_at: datetime
    run_id: str
    key: str
    packed: Packed
    inventory: Inventory
    server_version: str
    tool_version: str
    program_version: str
    seconds: float
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class MediaObject:
    """A file's content, kept once whatever files have it. `raw_sha256` names it."""

    raw_sha256: str
    raw_bytes: int
    stored_bytes: int
    stored_sha256: str


@dataclass(frozen=True)
class MediaManifest:
    """One state of all media. `files_key`: the object that lists its files; `objects`: the contents that they have, all
    under `prefix`; the first `uploaded_objects` of them are those that this backup had to store anew."""

    taken_at: datetime
    run_id: str
    type: BackupType
    files_key: str
    files_packed: Packed
    files: int
    files_bytes: int
    prefix: str
    objects: tuple[MediaObject, ...]
    uploaded_objects: int
    uploaded_bytes: int
    program_version: str
    seconds: float
    recipient: str = ""


Manifest = DatabaseManifest | MediaManifest


@dataclass(frozen=True)
class Proof:
    """That a backup came back from the bucket and was what it should be. `compared`: what was looked at, in Spanish,
    with its number. `shrank`: what is over 20 % smaller than in the backup before, as sentences; such a one is
    restorable, but not proven until an operator says that it is meant."""

    taken_at: datetime
    proven_at: datetime
    seconds: float
    compared: Mapping[str, int] = field(default_factory=dict)
    shrank: tuple[str, ...] = ()
    accepted: bool = False
    """An operator said that what shrank was meant to."""

    @property
    def holds(self) -> bool:
        return not self.shrank or self.accepted


@dataclass(frozen=True)
class Entry:
    """One backup as the catalog knows it. `size_bytes`: of its own objects, as the bucket lists them (of media: what
    it stored anew). `manifest`, `proof`: None where there is none, or it cannot be read. A backup without a manifest
    is none: it was interrupted."""

    kind: Kind
    taken_at: datetime
    keys: tuple[str, ...]
    size_bytes: int
    manifest: Manifest | None
    proof: Proof | None
    damage: str = ""
    """Why the manifest or the proof cannot be read, or what else it is not that its manifest says."""

    @property
    def proven(self) -> bool:
        return self.manifest is not None and self.proof is not None and self.proof.holds and not self.damage

    @property
    def unreadable(self) -> bool:
        """It has a manifest that cannot be read: nobody knows which contents it names."""
        return self.manifest is None and bool(self.damage)
