"""Objects in an S3 bucket (AWS, Backblaze B2, MinIO, SeaweedFS), through Dagster's own S3 resource."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from cep_orchestration.clients.object_calls import Calls, Patience
from cep_orchestration.clients.object_downloads import downloading
from cep_orchestration.clients.object_failures import DENIED, MEANINGS, NO_SUCH_KEY, code_of
from cep_orchestration.clients.object_uploads import Body, abandon, put, uploading
from cep_orchestration.failures import CepError, TransientError
from cep_orchestration.object_ports import Protection, Readable, Sink, Stored
from cep_orchestration.settings import ObjectStorage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

LINK_SECONDS = 7 * 86_400
"""The longest that a signed address may live."""
MOST_AT_ONCE = 1_000
"""What S3 lists, and removes, in one call."""
CHECK = ".cep-check"
CHECKED = b"cep_orchestration looks whether this bucket works, and removes this.\n"
NO_LOCK = "ObjectLockConfigurationNotFoundError"


class S3Objects:
    """An ObjectStore. One object may be shared by threads."""

    def __init__(self, storage: ObjectStorage, bucket: str, patience: Patience | None = None) -> None:
        self._calls = Calls(storage, bucket, patience or Patience())
        self._bucket = bucket

    @property
    def place(self) -> str:
        return self._calls.place

    def put(self, key: str, content: bytes, content_type: str) -> str:
        put(self._calls, key, Body(content), content_type)
        return f"{self.place}/{key}"

    def link(self, key: str) -> str:
        """Signed; whoever has it may read the object for some days."""
        asked = {"Bucket": self._bucket, "Key": key}
        return self._calls.client.generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS)

    def upload(self, key: str) -> AbstractContextManager[Sink]:
        return uploading(self._calls, key)

    def get(self, key: str) -> bytes:
        with downloading(self._calls, key) as download:
            return download.read()

    def open(self, key: str) -> AbstractContextManager[Readable]:
        return downloading(self._calls, key)

    def list(self, prefix: str) -> Iterator[Stored]:
        asked: ListObjectsV2RequestTypeDef = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": MOST_AT_ONCE}
        while True:
            page = self._calls.ask(f"listar {prefix}*", partial(_list, asked))
            for each in page.get("Contents", ()):
                yield Stored(each["Key"], each["Size"], each["LastModified"].astimezone(UTC))
            if not page["IsTruncated"]:
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, keys: Sequence[str]) -> None:
        for first in range(0, len(keys), MOST_AT_ONCE):
            batch = keys[first : first + MOST_AT_ONCE]
            which = batch[0] if len(batch) == 1 else f"{len(batch)} objetos desde {batch[0]}"
            self._calls.ask(f"borrar {which}", partial(_delete, self._bucket, batch))

    def abandon_uploads(self, prefix: str) -> int:
        """MinIO lists none here, and removes them itself after a day. Lists the first page until nothing new is on it:
        the marks of a further one are not the same everywhere."""
        gone = set[tuple[str, str]]()
        while found := self._unfinished(prefix) - gone:
            for key, upload_id in found:
                abandon(self._calls, key, upload_id)
            gone |= found
        return len(gone)

    def _unfinished(self, prefix: str) -> set[tuple[str, str]]:
        page = self._calls.ask(
            f"buscar subidas sin terminar de {prefix}*",
            lambda client: client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix, MaxUploads=MOST_AT_ONCE),
        )
        return {(each["Key"], each["UploadId"]) for each in page.get("Uploads", ())}

    def check(self, prefix: str) -> None:
        """Lists first: SeaweedFS makes a missing bucket when something is put into it."""
        key = f"{prefix}{CHECK}"
        next(self.list(key), None)
        self.put(key, CHECKED, "text/plain")
        unread, undeleted = _fault(lambda: self._read_back(key)), _fault(lambda: self.delete([key]))
        if unread and undeleted:
            raise CepError(f"{unread} {undeleted}") from unread
        if fault := unread or undeleted:
            raise fault

    def _read_back(self, key: str) -> None:
        if self.get(key) != CHECKED:
            raise CepError(f"{self.place} devolvió otra cosa que lo guardado en {key}; compruebe el estado de ese S3.")

    def protection(self) -> Protection:
        return Protection(
            self._asked(
                "el versionado", lambda client: client.get_bucket_versioning(Bucket=self._bucket).get("Status")
            ),
            self._asked("el bloqueo de objetos", self._lock),
        )

    def _lock(self, client: "S3Client") -> str | None:
        from botocore.exceptions import ClientError

        try:
            answer = client.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if code_of(error) != NO_LOCK:
                raise
            return None
        return answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")

    def _asked(self, what: str, question: Callable[["S3Client"], str | None]) -> bool | None:
        """None: the account may not ask, or the store does not know the question."""
        try:
            return self._calls.ask(f"consultar {what}", question) == "Enabled"
        except CepError as error:
            code = code_of(error.__cause__)
            if not code or isinstance(error, TransientError) or (code in MEANINGS and MEANINGS[code] is not DENIED):
                raise
            return None


def _list(asked: "ListObjectsV2RequestTypeDef", client: "S3Client") -> "ListObjectsV2OutputTypeDef":
    page = client.list_objects_v2(**asked)
    if "IsTruncated" not in page:  # a web page, say; it must not pass for an empty bucket
        from botocore.parsers import ResponseParserError

        raise ResponseParserError("not a list of objects")
    return page


def _delete(bucket: str, keys: Sequence[str], client: "S3Client") -> None:
    """S3 answers with success, and in it lists what it could not remove."""
    from botocore.exceptions import ClientError

    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    for error in answer.get("Errors", ()):
        if error.get("Code") not in NO_SUCH_KEY:
            raise ClientError({"Error": error}, "DeleteObjects")


def _fault(act: Callable[[], None]) -> CepError | None:
    try:
        act()
    except CepError as error:
        return error
    return None
