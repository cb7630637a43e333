"""DevStack and ProdStack, from the environments; `cdk` runs this file (see cdk.json)."""

from infra.synthesis import main

main()
