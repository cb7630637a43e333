"""The trigger Lambda: asks AWS Batch for a refresh, now or after a quiet time; mails what failed.

Standard library and boto3 only; the function is deployed as these files and nothing else.
"""
