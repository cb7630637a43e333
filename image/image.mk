# Building, testing and running the container image without a Docker daemon. See docs/image.md.
.PHONY: image image-arm64 image-test chain lock

##@ Image
image: $(VENV)/.dev ## the container image, for this machine's architecture
	$(BIN)/python -m image build

image-arm64: $(VENV)/.dev ## the same for Graviton, under emulation where need be
	$(BIN)/python -m image build --arch arm64

image-test: $(VENV)/.dev image image-arm64 ## run both under hard limits, compare what they publish
	CI=true $(BIN)/python -m pytest -m image -p no:cacheprovider tests/image

chain: $(VENV)/.dev ## deploy to an emulated AWS, build and run the image there
	$(BIN)/python -m image.chain

lock: ## pin the image's packages again
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv==0.13.9
	build/lock/bin/uv pip compile analytics_core/pyproject.toml --generate-hashes --universal \
	  --python-version 3.13 --no-annotate --no-header --no-emit-package colorama --native-tls \
	  --quiet --output-file build/lock/requirements
	(sed -n '/^#/p' analytics_core/requirements.lock; cat build/lock/requirements) > build/lock/new
	mv build/lock/new analytics_core/requirements.lock
