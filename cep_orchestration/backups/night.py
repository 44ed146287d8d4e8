"""One run's work: what it backs up is stored, fetched back, proven, and only then rotated. It holds the backups' lock
from its first step to its end."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from cep_orchestration.alert_ports import Signal
from cep_orchestration.backups.catalog import newest_proven, read_catalog
from cep_orchestration.backups.catalog_words import THE
from cep_orchestration.backups.database_proof import Proving, prove_database
from cep_orchestration.backups.dump import Dumping, dump_database
from cep_orchestration.backups.keys import proof_key
from cep_orchestration.backups.manifests import write_proof
from cep_orchestration.backups.media import Begun, Copying, back_up_media
from cep_orchestration.backups.media_proof import prove_media
from cep_orchestration.backups.media_source import MediaSource
from cep_orchestration.backups.model import (
    BackupError,
    BackupType,
    DatabaseManifest,
    Kind,
    Manifest,
    MediaManifest,
    Proof,
)
from cep_orchestration.backups.preflight import Ready, backup_lock, preflight
from cep_orchestration.backups.rotation import Rotated, rotate
from cep_orchestration.backups.services import BackupServices
from cep_orchestration.backups.shrinkage import shrank
from cep_orchestration.backups.streams import Cipher
from cep_orchestration.database.engine import discreet
from cep_orchestration.failures import CepError

log = logging.getLogger(__name__)
TONIGHT = timedelta(hours=24)
STILL_THERE = text("SELECT 1")
NOT_ACCEPTED = (
    "Si es lo esperado, lance back_up con accept_shrinkage: true («Re-execute» no lo cambia); si no, recupere lo "
    "perdido. Hasta entonces no se borra ninguna copia."
)
TOLD = 2
"""An alert has no room for all that shrank; the page of the catalog has."""


@dataclass
class Night:
    """`run_id`: whose work this is. `sleep`: while a restore drill is waited for."""

    services: BackupServices
    run_id: str
    sleep: Callable[[float], object] = time.sleep
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: Connection | None = None
    _ready: Ready | None = None
    _refusal: CepError | None = None
    _cipher: Cipher | None = None
    is_announced: bool = False
    """The dead man's switch knows that it has begun."""

    def close(self) -> None:
        """Lets go of the lock."""
        self._stack.close()

    def begin(self, *, announce: bool = False, drill: bool = False) -> Ready:
        """Takes the lock and looks whether a backup can be made, once: what was refused is refused to every step of the
        run. `announce`: tell the dead man's switch. `drill`: nothing is backed up, and a backup may wait for the end.
        Raises CepError, also where another is running, or the lock is lost."""
        if self._refusal:
            raise self._refusal
        try:
            with discreet():
                self._hold(drill=drill)
                if announce:
                    self.announce()
                self._ready = self._ready or self._looked()
        except CepError as error:
            self._refusal = error
            raise
        return self._ready

    def announce(self) -> None:
        """Once."""
        if not self.is_announced:
            self.signal(Signal.START)
            self.is_announced = True

    def _hold(self, *, drill: bool) -> None:
        if self._lock is None:
            lock = backup_lock(self.services.engine, drill=drill, sleep=self.sleep)
            self._lock = self._stack.enter_context(lock)
            return
        try:
            self._lock.execute(STILL_THERE)
        except SQLAlchemyError:
            raise BackupError(
                "Se perdió la sesión con PostgreSQL que impide dos copias a la vez; láncela otra vez."
            ) from None

    def _looked(self) -> Ready:
        services = self.services
        ready = preflight(services.url, services.scratch, services.store, services.tools_dir)
        self._settle_dead(services.book.unsettled())
        return ready

    def _settle_dead(self, unsettled: Collection[tuple[Kind, datetime]]) -> None:
        """Runs that died: what the bucket says of their backups is written down. On most nights there are none."""
        services = self.services
        for entry in read_catalog(services.store, contents=False) if unsettled else ():
            if entry.proven and entry.proof and (entry.kind, entry.taken_at) in unsettled:
                services.book.was_proven(entry.kind, entry.taken_at, entry.proof.proven_at, entry.proof.seconds)
        services.book.close_interrupted(services.now())

    @property
    def cipher(self) -> Cipher:
        """With the key of this run, which opens what it sealed and is forgotten with it."""
        self._cipher = self._cipher or self.services.cipher()
        return self._cipher

    def dump(self, backup_type: BackupType) -> DatabaseManifest:
        services, taken_at = self.services, self._named(Kind.DATABASE, backup_type)
        with self._booked(Kind.DATABASE, taken_at):
            tools = self.begin().tools
            dumping = Dumping(services.store, self.cipher, tools, services.program_version, services.clock)
            manifest = dump_database(services.url, taken_at, self.run_id, dumping)
            services.book.stored(Kind.DATABASE, taken_at, manifest.packed.stored_bytes, manifest.seconds)
        return manifest

    def copy_media(self, source: MediaSource, backup_type: BackupType) -> MediaManifest:
        services, taken_at = self.services, self._named(Kind.MEDIA, backup_type)
        with self._booked(Kind.MEDIA, taken_at):
            earlier = [entry.manifest for entry in read_catalog(services.store, [Kind.MEDIA])]
            copying = Copying(
                services.store, services.index, self.cipher, services.program_version, log.info, services.clock
            )
            known = [one for one in earlier if isinstance(one, MediaManifest)]
            manifest = back_up_media(source, copying, known, Begun(backup_type, taken_at, self.run_id))
            services.book.stored(Kind.MEDIA, taken_at, manifest.uploaded_bytes, manifest.seconds)
        return manifest

    def prove(self, manifest: Manifest, *, accept_shrinkage: bool) -> Proof:
        """Raises CepError where it is not what was stored, or shrank; in the latter case the proof is kept all the
        same, and does not hold."""
        services, kind = self.services, kind_of(manifest)
        with self._booked(kind, manifest.taken_at):
            began = services.clock()
            compared = self._compared(manifest)
            before = newest_proven(services.store, kind, manifest.taken_at)
            smaller = shrank(manifest, before.manifest if before else None)
            proof = Proof(
                manifest.taken_at, services.now(), services.clock() - began, compared, smaller, accept_shrinkage
            )
            services.store.put(proof_key(kind, manifest.taken_at), write_proof(proof), "application/json")
            if not proof.holds:
                raise BackupError(" ".join([*smaller[:TOLD], NOT_ACCEPTED]))
            services.book.proven(kind, manifest.taken_at, proof.proven_at, proof.seconds)
        return proof

    def rotate(self) -> Rotated:
        """Raises BackupError where tonight's is not proven: then nothing goes."""
        self.begin()
        services, now = self.services, self.services.now()
        rotated = rotate(services.store, now, services.retention_days, self._tonight(now))
        if rotated.refusals:
            missing = " y ".join(THE[kind] for kind in rotated.refusals)
            raise BackupError(f"La última copia de {missing} no está probada; no se ha borrado ninguna copia antigua.")
        for kind, removed in rotated.removed.items():
            services.book.removed(kind, removed.backups, now)
        return rotated

    def is_proven(self) -> bool:
        """Tonight's, of every kind, as far as the table of attempts knows."""
        since = self.services.now() - TONIGHT
        proven = {(one.kind, one.taken_at) for one in self.services.book.attempts(since) if one.proven_at}
        return proven >= self._tonight(self.services.now()).items()

    def signal(self, signal: Signal) -> None:
        if self.services.switch and not self.services.switch.signal(signal):
            log.warning("BACKUP_HEARTBEAT_URL did not take the signal %s.", signal)

    def _named(self, kind: Kind, backup_type: BackupType) -> datetime:
        """Begins a backup, whose instant in whole seconds is its name."""
        self.begin()
        taken_at = self.services.now().replace(microsecond=0)
        self.services.book.begin(kind, taken_at, self.run_id, backup_type)
        return taken_at

    def _compared(self, manifest: Manifest) -> Mapping[str, int]:
        services = self.services
        if isinstance(manifest, MediaManifest):
            return prove_media(manifest, services.store, self.cipher, services.random)
        proving = Proving(services.store, self.cipher, self.begin().tools, services.scratch)
        return prove_database(manifest, proving, services.now(), services.random)

    def _tonight(self, now: datetime) -> Mapping[Kind, datetime]:
        """The last of each kind that was begun, well or not: that is the one that has to be proven."""
        kinds = [Kind.DATABASE, *([Kind.MEDIA] if self.services.media else [])]
        attempts = self.services.book.attempts(now - TONIGHT)
        begun = {kind: [one.taken_at for one in attempts if one.kind is kind] for kind in kinds}
        if missing := [THE[kind] for kind in kinds if not begun[kind]]:
            raise BackupError(
                f"No hay copia de {' ni de '.join(missing)} de las últimas 24 horas; lance back_up. No se ha borrado "
                "ninguna copia antigua."
            )
        return {kind: max(some) for kind, some in begun.items()}

    @contextmanager
    def _booked(self, kind: Kind, taken_at: datetime) -> Iterator[None]:
        """What fails is written down. Where that cannot be done either, the failure itself is what counts."""
        try:
            yield
        except BaseException as error:
            sentence = str(error) if isinstance(error, CepError) else f"se interrumpió ({type(error).__name__})"
            try:
                self.services.book.failed(kind, taken_at, self.services.now(), sentence)
            except (SQLAlchemyError, LookupError) as another:
                log.error("the failure of a backup could not be recorded: %s", type(another).__name__)
            raise


def kind_of(manifest: Manifest) -> Kind:
    return Kind.MEDIA if isinstance(manifest, MediaManifest) else Kind.DATABASE
