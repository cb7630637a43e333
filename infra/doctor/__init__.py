"""What an account lacks for a deployment, or why one hangs: `python -m infra.doctor dev`.

Every check is a function from an account and an environment to findings, and only reads. What a
check may not ask, or gets no answer to, is a finding of its own.
"""
