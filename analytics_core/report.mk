# The page: its types, its pictures, its speed. See docs/page.md.
.PHONY: lint-page test-page format page-pictures page-frames
PAGE_SOURCES := analytics_core/src/analytics_core/report/frontend
PAGE_TOOLS := build/page

##@ Develop
$(PAGE_TOOLS)/.installed: $(PAGE_SOURCES)/package.json $(PAGE_SOURCES)/package-lock.json | $(VENV)/.dev
	rm -rf $(PAGE_TOOLS) && mkdir -p $(PAGE_TOOLS) && cp $^ $(PAGE_TOOLS)
	cd $(PAGE_TOOLS) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# Checked as a copy beside its tools: nothing of Node comes to lie among the package's sources.
lint-page: $(PAGE_TOOLS)/.installed
	rm -rf $(PAGE_TOOLS)/src && cp -R $(PAGE_SOURCES)/src $(PAGE_SOURCES)/tsconfig.json $(PAGE_TOOLS)
	cd $(PAGE_TOOLS) && npx --no-install tsc --noEmit
	cd $(PAGE_TOOLS) && npx --no-install prettier --log-level warn --check $(CURDIR)/$(PAGE_SOURCES)/src

test-page: $(VENV)/.dev ## the page's logic, without a browser
	$(BIN)/python -m pytest tests/analytics_core/report/test_logic.py

format: $(PAGE_TOOLS)/.installed ## put Python and the page's program into shape
	$(BIN)/ruff format .
	cd $(PAGE_TOOLS) && npx --no-install prettier --log-level warn --write $(CURDIR)/$(PAGE_SOURCES)/src

page-pictures: $(VENV)/.dev ## take the pictures in docs/images again
	$(BIN)/analytics-core demo --output build/page-pictures
	$(BIN)/python -m tests.analytics_core.report.pictures build/page-pictures/analytics/v1/report.html docs/images

page-frames: $(VENV)/.dev ## how long a frame of the map takes, on small and large data
	for recipes in 1400 20000; do \
	  $(BIN)/analytics-core sample-db build/page-$$recipes.db --recipes $$recipes --seed 1 && \
	  $(BIN)/analytics-core refresh --db build/page-$$recipes.db --output build/page-$$recipes || exit 1; \
	done
	$(BIN)/python -m tests.analytics_core.report.measure_frames build/page-1400/analytics/v1/report.html \
	  build/page-20000/analytics/v1/report.html
