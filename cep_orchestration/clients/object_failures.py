"""What S3's refusals and silences mean, in plain words for operators, and which of them may pass by themselves."""

from typing import Any, NamedTuple

from cep_orchestration.failures import CepError, SettingError, TransientError
from cep_orchestration.object_ports import MissingObjectError

NO_SUCH_KEY = ("NoSuchKey", "404")
"""The second where the answer has no body: HEAD."""
PASSING = (
    "BadDigest",
    "BandwidthLimitExceeded",
    "InternalError",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "XAmzContentSHA256Mismatch",
    "XMinioServerNotInitialized",
)
PASSING_STATUS = (429, 500, 502, 503, 504)
LATER = "inténtelo más tarde, y si sigue igual pregunte a quien lleva ese S3"


class Meaning(NamedTuple):
    """`of`: the class of what is raised, which says whether a person has to change a setting."""

    why: str
    advice: str
    of: type[CepError] = CepError


BUCKET = Meaning(
    "ese bucket no existe", "créelo, o corrija su nombre (BACKUP_BUCKET o MEDIA_BUCKET) o S3_ENDPOINT_URL", SettingError
)
KEY = Meaning("S3 no conoce la clave de acceso", "corrija S3_ACCESS_KEY_ID", SettingError)
SECRET = Meaning("el secreto no es el de la clave de acceso", "corrija S3_SECRET_ACCESS_KEY", SettingError)
DENIED = Meaning(
    "la clave de acceso no tiene permiso para ello", "dele permiso para leer, escribir, listar y borrar en ese bucket"
)
CLOCK = Meaning("el reloj de esta máquina no va en hora", "póngala en hora (timedatectl set-ntp true)")
REGION = Meaning("el bucket está en otra región", "corrija S3_REGION y S3_ENDPOINT_URL", SettingError)
FULL = Meaning("en S3 no queda espacio o se alcanzó su límite", "amplíelo, o libere espacio")
GONE = Meaning("la subida se interrumpió desde fuera", "compruebe que no haya dos copias a la vez y láncela otra vez")
SHORT = Meaning("el objeto es más corto de lo que S3 anunció", "no use esa copia; haga otra")
LOCKED = Meaning("el bucket protege ese objeto (object lock)", "espere a que venza la protección")
MEANINGS = {
    "NoSuchBucket": BUCKET,
    "InvalidBucketName": BUCKET,
    "InvalidAccessKeyId": KEY,
    "MalformedAccessKeyId": KEY,
    "SignatureDoesNotMatch": SECRET,
    "AccessDenied": DENIED,
    "AllAccessDisabled": DENIED,
    "AccountProblem": DENIED,
    "UnauthorizedAccess": DENIED,
    "403": DENIED,
    "RequestTimeTooSkewed": CLOCK,
    "RequestExpired": CLOCK,
    "PermanentRedirect": REGION,
    "TemporaryRedirect": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "IllegalLocationConstraintException": REGION,
    "QuotaExceeded": FULL,
    "StorageCapExceeded": FULL,
    "XMinioStorageFull": FULL,
    "XMinioAdminBucketQuotaExceeded": FULL,
    "507": FULL,
    "NoSuchUpload": GONE,
    "InvalidRange": SHORT,
    "ObjectLocked": LOCKED,
    "InvalidObjectState": Meaning("el objeto está archivado", "restáurelo antes en S3 y láncelo otra vez"),
}


def code_of(error: BaseException | None) -> str:
    """S3's own code; "": there was no answer, or none of S3."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def passes(error: Exception) -> bool:
    """It may be over in a moment: worth another try."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError, SSLError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in PASSING_STATUS or code_of(error) in PASSING
    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError) and not isinstance(
        error, SSLError
    )


def told(error: Exception, tried: str, endpoint: str, attempts: int) -> CepError:
    """The failure as a sentence. `tried`: what, on which key and bucket: «leer a/b en s3://bucket»."""
    code = code_of(error)
    if code in NO_SUCH_KEY:
        return MissingObjectError(f"No se pudo {tried}: ese objeto no existe; compruebe si alguien lo borró.")
    meaning = _meaning(error, code, endpoint)
    often = f" tras {attempts} intentos" if attempts > 1 else ""
    named = f" ({code})" if code else f" ({type(error).__name__})"
    return meaning.of(f"No se pudo {tried}{often}: {_undeleted(error)}{meaning.why}{named}; {meaning.advice}.")


def _undeleted(error: Any) -> str:
    """Which of many, where that is known."""
    key = error.response["Error"].get("Key") if getattr(error, "operation_name", "") == "DeleteObjects" else None
    return f"{key}: " if key else ""


def _meaning(error: Exception, code: str, endpoint: str) -> Meaning:
    from botocore.exceptions import ParamValidationError, SSLError

    if code in MEANINGS:
        return MEANINGS[code]
    if isinstance(error, SSLError):
        return Meaning(
            f"el certificado de {endpoint} no es de confianza", "corríjalo, o corrija S3_ENDPOINT_URL", SettingError
        )
    if passes(error):
        if code:
            return Meaning("S3 está averiado o saturado", LATER, TransientError)
        return Meaning(
            f"S3 no responde en {endpoint}", "compruebe la red y S3_ENDPOINT_URL, y láncelo otra vez", TransientError
        )
    if isinstance(error, ParamValidationError):
        return BUCKET
    if code:
        return Meaning("S3 se negó", "compruebe los ajustes S3_… y los permisos, y láncelo otra vez")
    return Meaning(f"lo que responde en {endpoint} no habla S3", "corrija S3_ENDPOINT_URL", SettingError)
