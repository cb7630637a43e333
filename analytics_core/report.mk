# The page: its types, its pictures, its speed. See docs/page.md.
.PHONY: page-types page-pictures page-frames
PAGE_SOURCES := analytics_core/src/analytics_core/report/frontend

page-types: $(VENV)/.dev ## check the types of the page's program
	rm -rf build/page && mkdir -p build && cp -R $(PAGE_SOURCES) build/page
	cd build/page && npm ci --ignore-scripts --no-audit --no-fund && npx tsc --noEmit

page-pictures: $(VENV)/.dev ## take the pictures in docs/images again, from the sample
	$(BIN)/analytics-core demo --output build/page-pictures
	$(BIN)/python -m tests.analytics_core.report.pictures build/page-pictures/analytics/v1/report.html docs/images

page-frames: $(VENV)/.dev ## how long a frame of the map takes, at 1,400 and 20,000 recipes
	for recipes in 1400 20000; do \
	  $(BIN)/analytics-core sample-db build/page-$$recipes.db --recipes $$recipes --seed 1 && \
	  $(BIN)/analytics-core refresh --db build/page-$$recipes.db --output build/page-$$recipes || exit 1; \
	done
	$(BIN)/python -m tests.analytics_core.report.measure_frames build/page-1400/analytics/v1/report.html \
	  build/page-20000/analytics/v1/report.html
