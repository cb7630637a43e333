"""The trigger Lambda: asks AWS Batch for a refresh, at once or after a quiet time.

Standard library and boto3 only; the function is deployed as these files and nothing else.
"""
