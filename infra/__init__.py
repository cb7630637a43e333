"""The AWS side: what `cdk deploy DevStack` and `cdk deploy ProdStack` make."""
