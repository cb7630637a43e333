"""Compare-and-swap on one small JSON object in S3.

S3 lets exactly one of several conditional writes through: the object is made with
``If-None-Match: *`` and from then on only replaced with ``If-Match: <ETag that was read>``. It is
never deleted, so that no delete right is needed.

*What 403 means.* Without the right to list the bucket, S3 says 403 for an object that is not
there, so a first 403 counts as "absent". It is found out when that was wrong: the write on the
condition of absence is then refused because the object exists, and the next read says 403 again.
A denial by KMS needs no such proof, for S3 asks KMS about objects that exist only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.exceptions import ClientError

from trigger import logs
from trigger.errors import NoAccess

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_OF_KMS = re.compile(r"\bkms:[A-Z]|:kms:|customer master key")
"""In S3's message when KMS refused; since the message may name the object too, not just "kms"."""


class _Condition(TypedDict, total=False):
    IfNoneMatch: str
    IfMatch: str


class SwapObject:
    """The object at `key` in `bucket`.

    Parameters
    ----------
    s3
        A boto3 S3 client.
    """

    def __init__(self, s3: S3Client, *, bucket: str, key: str) -> None:
        self.key = key
        self._s3 = s3
        self._bucket = bucket
        self._exists = False

    def read(self) -> tuple[str | None, dict[str, Any]]:
        """Return ETag and content; None and nothing when the object is not there.

        Content that makes no sense is logged and read as nothing.

        Raises
        ------
        NoAccess
            When the object is there and may not be read.
        botocore.exceptions.ClientError
            Whatever S3 refuses for other reasons.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self.key)
        except ClientError as error:
            self._explain(error)
            if _status(error) == 403 and self._exists:
                raise NoAccess(
                    f"{self._name()} is there but may not be read: the function's role, or the "
                    f"bucket's policy, does not allow s3:GetObject on it. S3 says: {error}"
                ) from error
            if _status(error) == 403 or _code(error) == "NoSuchKey":
                return None, {}
            raise
        self._exists = True
        try:
            content = json.loads(answer["Body"].read())
        except ValueError:
            content = None
        if not isinstance(content, dict):
            logs.decision("claim.unreadable", level="warning", key=self.key)
            content = {}
        return answer["ETag"], content

    def write(self, etag: str | None, content: Mapping[str, Any]) -> str | None:
        """Write if nobody wrote since `etag` was read; the new ETag, or None when somebody did.

        Raises
        ------
        NoAccess
            When the bucket's KMS key may not be used.
        botocore.exceptions.ClientError
            Whatever S3 refuses for other reasons.
        """
        condition: _Condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = self._s3.put_object(
                Bucket=self._bucket,
                Key=self.key,
                Body=json.dumps(content).encode(),
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            self._explain(error)
            # 412: the condition failed; 409: another conditional write is under way;
            # 404: the object went away between read and write.
            if _status(error) in (404, 409, 412) and _code(error) != "NoSuchBucket":
                if _status(error) != 409:
                    self._exists = _status(error) == 412
                return None
            raise
        self._exists = True
        return str(answer["ETag"])

    def _explain(self, error: ClientError) -> None:
        """Raise for what KMS refused; S3 passes its words on in the message or the code."""
        if not (_code(error).startswith("KMS.") or _OF_KMS.search(str(error))):
            return
        raise NoAccess(
            f"{self._name()} cannot be read or written: the function's role may not use the "
            "KMS key of the bucket, or the key is disabled. It needs kms:Decrypt and "
            "kms:GenerateDataKey on it: set bucket_key_arn of the environment to the key's ARN and "
            f"deploy again; a key of another account must also admit the role itself. S3 says: "
            f"{error}"
        ) from error

    def _name(self) -> str:
        return f"s3://{self._bucket}/{self.key}"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
