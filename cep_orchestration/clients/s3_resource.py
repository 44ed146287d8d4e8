"""Dagster's S3 resource, with the time-outs and the checksums that its own client leaves to the defaults. Whoever
imports this imports boto3 and Dagster: do it where it is used."""

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import boto3  # noqa: TID253 - this module is imported where a client is made
from botocore.config import Config
from dagster_aws.s3 import S3Resource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class PatientS3Resource(S3Resource):
    """`max_attempts` is of botocore, whose waits are too short for a store that restarts: 1 where the caller tries
    again itself."""

    connect_seconds: float
    read_seconds: float

    def get_client(self) -> "S3Client":
        client: S3Client = boto3.session.Session(profile_name=self.profile_name).client(
            "s3",
            region_name=self.region_name,
            endpoint_url=self.endpoint_url,
            use_ssl=self.use_ssl,
            verify=self.verify,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            config=self._config(),
        )
        client.meta.events.register("before-call.s3.DeleteObjects", _digest)
        return client

    def _config(self) -> Config:
        """Backblaze B2 refuses x-amz-checksum-… (crc32, mode) and MinIO did; Content-MD5, which the caller sends, all
        of them take and check."""
        return Config(
            connect_timeout=self.connect_seconds,
            read_timeout=self.read_seconds,
            retries={"total_max_attempts": self.max_attempts, "mode": "standard"},
            signature_version="s3v4",  # as every region takes it
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            tcp_keepalive=True,
        )


def _digest(params: dict[str, Any], **_: Any) -> None:
    """DeleteObjects must have a checksum: Content-MD5 in place of botocore's crc32."""
    params["context"].pop("checksum", None)
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode("ascii")
