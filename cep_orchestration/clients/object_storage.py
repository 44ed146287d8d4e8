"""Objects in an S3 bucket (AWS, Backblaze B2, MinIO, SeaweedFS), through Dagster's own S3 resource."""

from typing import Any

from cep_orchestration.failures import TransientError
from cep_orchestration.settings import ObjectStorage

LINK_SECONDS = 7 * 86_400
"""The longest that a signed address may live."""
ADVICE = "compruebe BACKUP_BUCKET y los ajustes S3_…, y láncelo otra vez."


class S3Objects:
    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Returns its address as s3://bucket/key. Raises TransientError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise TransientError(f"S3 no guardó {key} en {self._bucket} ({code}): {ADVICE}") from error
        except BotoCoreError as error:
            raise TransientError(f"S3 no responde ({type(error).__name__}): {ADVICE}") from error
        return f"s3://{self._bucket}/{key}"

    def link(self, key: str) -> str:
        """Signed as every region takes it, which Dagster's resource leaves to the region's age."""
        import boto3
        from botocore.config import Config

        storage = self._storage
        client = boto3.client(
            "s3",
            endpoint_url=storage.endpoint_url or None,
            region_name=storage.region,
            aws_access_key_id=storage.access_key_id,
            aws_secret_access_key=storage.secret_access_key,
            config=Config(signature_version="s3v4"),
        )
        asked = {"Bucket": self._bucket, "Key": key}
        return str(client.generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS))

    def _client(self) -> Any:
        from dagster_aws.s3 import S3Resource

        storage = self._storage
        return S3Resource(
            endpoint_url=storage.endpoint_url or None,
            region_name=storage.region,
            aws_access_key_id=storage.access_key_id,
            aws_secret_access_key=storage.secret_access_key,
        ).get_client()
