"""Why AWS did not answer, in a sentence, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import botocore.session
from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is not the builtin
    CredentialRetrievalError,
    HTTPClientError,
    LoginRefreshRequired,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from infra.doctor.findings import Finding, trouble, warning

DENIED = {
    *("403", "AccessDenied", "AccessDeniedException", "AuthorizationError"),
    *("AuthorizationErrorException", "UnauthorizedAccess", "UnauthorizedOperation"),
}
BUSY = {
    *("503", "EC2ThrottledException", "RequestLimitExceeded", "RequestThrottled", "SlowDown"),
    *("Throttling", "ThrottlingException", "TooManyRequestsException"),
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
NOT_ACCEPTED = {
    *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId"),
    *("InvalidSignatureException", "InvalidToken", "OptInRequired", "RegionDisabledException"),
    *("SignatureDoesNotMatch", "UnrecognizedClientException"),
}

SIGN_IN = "sign in again: `aws sso login`, or fresh keys"

IAM_PREFIX: Mapping[str, str] = {"efs": "elasticfilesystem", "service-quotas": "servicequotas"}
"""Where IAM names a service otherwise than boto3 does."""

S3_RIGHTS: Mapping[str, str] = {
    "head_bucket": "s3:ListBucket",
    "head_object": "s3:GetObject and s3:ListBucket",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
}
"""Where S3 names the right otherwise than the call."""

LONGEST_QUOTE = 200
"""Characters of somebody else's message that are shown."""


class Unanswered(Exception):  # noqa: N818 - read as a sentence
    """A question that AWS did not answer.

    Attributes
    ----------
    finding
        Says so, and why.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


def out_of_reach(error: Exception) -> bool:
    """Tell whether a service did not answer at all."""
    return isinstance(error, ConnectionError | HTTPClientError)


def explained(
    error: BotoCoreError | ClientError | ResponseParserError, service: str, operation: str
) -> Finding:
    """Say in a sentence why a question was not answered."""
    asked = f"could not ask {service} to {operation.replace('_', '-')}"
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        return _refused(
            str(said.get("Code", "")), quoted(said.get("Message", "")), asked, service, operation
        )
    if isinstance(error, NoCredentialsError):
        return trouble("there are no AWS credentials", "`aws configure`, or give --profile")
    if isinstance(error, ProfileNotFound):
        return trouble(quoted(str(error)), "`aws configure list-profiles` names those there are")
    if isinstance(error, SSOError | TokenRetrievalError | LoginRefreshRequired):
        return trouble("the sign-in has expired", SIGN_IN)
    if isinstance(error, PartialCredentialsError | CredentialRetrievalError):
        return trouble(f"the AWS credentials cannot be read: {quoted(str(error))}", SIGN_IN)
    if out_of_reach(error):
        return warning(
            f"no answer from {service} ({type(error).__name__})",
            "look at this machine's network and proxy and at the region's name; ask again",
        )
    return warning(f"{asked}: {quoted(str(error))}", "mend that, and ask again")


def _refused(code: str, message: str, asked: str, service: str, operation: str) -> Finding:
    if code in DENIED:
        return warning(
            f"{asked}: this principal may not",
            f"it needs {right(service, operation)}; or ask with another --profile",
        )
    if code in BUSY:
        return warning(f"{asked}: AWS is too busy ({code})", "ask again in a minute")
    if code in EXPIRED:
        return trouble("the credentials have expired", SIGN_IN)
    if code in NOT_ACCEPTED:
        return trouble(
            f"AWS does not accept these credentials for {service} in this region ({code})",
            "look at the keys, at this machine's clock, and whether the account has the region "
            "switched on",
        )
    return warning(f"{asked}: {code} {message}".rstrip(), "mend that, and ask again")


def right(service: str, operation: str) -> str:
    """Return what IAM calls the right to call a boto3 operation."""
    if service == "s3" and operation in S3_RIGHTS:
        return S3_RIGHTS[operation]
    names = botocore.session.get_session().get_service_model(service).operation_names
    camel = next((name for name in names if xform_name(name) == operation), operation)
    return f"{IAM_PREFIX.get(service, service)}:{camel}"


def quoted(message: str) -> str:
    """Return the first line of somebody else's message, not too long."""
    first = message.strip().partition("\n")[0]
    return first if len(first) <= LONGEST_QUOTE else first[: LONGEST_QUOTE - 1] + "…"
