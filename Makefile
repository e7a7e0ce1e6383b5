# Kensa. `make help` lists the targets.

# gocv takes its flags from here (tag customenv), so that it links the three
# OpenCV libraries in use and not all of the distribution's.
TAGS := customenv,gocv_specific_modules
export CGO_CXXFLAGS := -O2 -std=c++17
export CGO_CPPFLAGS := -I/usr/include/opencv4
export CGO_LDFLAGS  := -lopencv_core -lopencv_imgproc -lopencv_imgcodecs

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
DATE    := $(shell TZ=UTC0 git show -s --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd HEAD 2>/dev/null)
# What the linker tells the package $(1) of the source.
said     = -X $(1).Version=$(VERSION) -X $(1).Commit=$(COMMIT) -X $(1).Date=$(DATE)
WEB     := firmware/display/web
PEER    := bus/sparkplug/testpeer
WAFERS  ?= 10
BENCH   ?= .
STATE   ?= var

# What builds without cgo, and so for any machine.
PURE := ./bus/... ./warning/... ./hw/... ./firmware/alarm ./firmware/pairing ./firmware/record ./firmware/display/... \
	./vision/frame ./vision/wafer ./vision/defect ./vision/length ./vision/peak ./vision/export ./vision/golden \
	./vision/register ./vision/durable ./vision/dust ./vision/binary ./vision/evaluate ./vision/hotpath \
	./cross-build/vm/... ./cross-build/bundle ./firmware/update ./firmware/kiosk

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## run everything with a simulated tool, until Ctrl-C
	@bin/kensa simulate --state $(STATE)

.PHONY: demo
demo: build ## the same for WAFERS=n wafers at full speed, then a summary
	@bin/kensa simulate --state $(STATE)/demo --fresh --pace max --wafers $(WAFERS)

.PHONY: build
build: deps web ## put kensa and kensa-warning in bin/
	go build -tags $(TAGS) -trimpath -ldflags "$(call said,kensa/firmware/version)" -o bin/kensa ./firmware/cmd/kensa
	CGO_ENABLED=0 go build -trimpath -ldflags "$(call said,main)" -o bin/kensa-warning ./warning/cmd/kensa-warning

.PHONY: test
test: test-deps web peer ## run all tests: with the race detector, then those that are too slow for it
	go test -tags $(TAGS),matprofile -race -short -timeout 20m ./...
	go test -tags $(TAGS),matprofile -timeout 20m ./firmware/... ./vision/...

.PHONY: bench
bench: deps web ## run the benchmarks (BENCH=regexp selects)
	go test -tags $(TAGS) -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: mrcal
mrcal: deps ## hold the calibration's lens model against mrcal's (installs Debian's libmrcal-dev, 6 MB)
	@cross-build/deps.sh mrcal
	go test -tags $(TAGS) -count=1 -v -run Mrcal ./calibration/geometry

# The virtual machine: a real arm64 kernel with a virtual camera and virtual lines.
VM := go run ./cross-build/vm/boot

.PHONY: vm
vm: arm64 vm-deps ## boot the real program on virtual hardware, with a console (VM_COMMAND= runs another)
	@$(VM) run $(VM_COMMAND)

.PHONY: test-vm
test-vm: arm64 vm-deps ## test on virtual hardware (VM_TESTS=./package..., VM_FLAGS="-v -long -run REGEXP")
	@$(VM) test $(VM_FLAGS) $(VM_TESTS)

.PHONY: lint
lint: deps web ## check formatting, go vet, and that the pure packages need no cgo
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); [ -z "$$files" ] || { echo "not formatted: $$files"; exit 1; }
	go vet -tags $(TAGS) ./...
	CGO_ENABLED=0 GOARCH=arm64 go build $(PURE)
	CGO_ENABLED=0 GOARCH=arm64 go vet $(PURE)

# Static programs; cross-build/README.md says how. They take nothing from the
# settings above but the tags.
STATIC := env TAGS='$(TAGS)' VERSION='$(VERSION)' DATE='$(DATE)' SAID='$(call said,kensa/firmware/version)' SAID_WARNING='$(call said,main)' cross-build/static

.PHONY: arm64 armhf amd64
arm64: ## put kensa and kensa-warning for 64-bit ARM in dist/, static
armhf: ## the same for 32-bit ARM with NEON
amd64: ## the same for 64-bit PCs
arm64 armhf amd64: web
	@cross-build/deps.sh static $@
	@$(STATIC)/link.sh $@

.PHONY: test-arm64 test-armhf
test-arm64: ## test the build for 64-bit ARM in emulation (SHORT=1: less); what it finds must be what this machine finds
test-armhf: ## the same for 32-bit ARM
test-arm64 test-armhf: test-%: web
	@cross-build/deps.sh static $*
	@cross-build/deps.sh emulate
	@$(STATIC)/test.sh $* $(if $(SHORT),short)

.PHONY: vulncheck
vulncheck: deps web ## look for known vulnerabilities in what the programs call
	@TAGS='$(TAGS)' cross-build/vulncheck.sh

.PHONY: campaign
campaign: test-deps web ## long fault runs: 1,000 kills, 1,000 faults and long outages on the bus; 1,000 faults, 10,000 frames on virtual hardware (half an hour)
	go test -tags $(TAGS) -count=1 -v -timeout 60m -run TestKilledAtRandom ./firmware/appliance -kills 1000
	go test -tags $(TAGS) -count=1 -v -timeout 60m -run 'TestRandomFaults|TestHourLongOutages|TestSlowLink' ./bus/ledger -faults 1000 -outages 60
	@$(MAKE) --no-print-directory test-vm VM_TESTS=./firmware/pairing VM_FLAGS="-v -long -run TestKernel"

# Debian packages and update bundles of the static programs.
.PHONY: package test-package bundle
package: arm64 amd64 ## make the Debian packages for arm64 and amd64 in dist/ (UPDATE_PUB=keys that may sign updates)
	@rm -f dist/*.deb
	@for arch in arm64 amd64; do cross-build/package/package.sh $$arch dist/kensa-linux-$$arch dist/kensa-warning-linux-$$arch dist || exit 1; done
test-package: package-deps ## install, upgrade, remove and purge the packages in a Debian of their own
	@KENSA_TEST_PACKAGE=1 KENSA_DEBIAN="$$(cross-build/package/debian.sh)" go test -tags $(TAGS) -count=1 -v ./cross-build/package
bundle: arm64 amd64 ## make signed update bundles in dist/ (KEY=private key of minisign)
	@[ -n "$(KEY)" ] || { echo "bundle: no key; make bundle KEY=FILE, and for a new one: go run ./cross-build/bundle keygen --key FILE" >&2; exit 2; }
	@version=$$(cross-build/package/version.sh) && CGO_ENABLED=0 go build -o bin/bundle ./cross-build/bundle && for arch in arm64 amd64; do \
	  bin/bundle make --key "$(KEY)" --program dist/kensa-linux-$$arch --version "$$version" --arch $$arch --out "dist/kensa_$${version}_$$arch.kensa" || exit 1; \
	  echo "dist/kensa_$${version}_$$arch.kensa"; done

.PHONY: deps test-deps vm-deps package-deps
deps:
	@cross-build/deps.sh build
test-deps:
	@cross-build/deps.sh test
vm-deps:
	@cross-build/deps.sh vm
package-deps:
	@cross-build/deps.sh package

# The operator display's page, bundled from its lock file.
.PHONY: web
web: $(WEB)/dist/index.html
$(WEB)/dist/index.html: $(WEB)/package-lock.json $(wildcard $(WEB)/*.mjs $(WEB)/*.json $(WEB)/*.html $(WEB)/src/*) | deps
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

# An independent Sparkplug decoder, for the tests.
.PHONY: peer
peer: $(PEER)/node_modules/.package-lock.json
$(PEER)/node_modules/.package-lock.json: $(PEER)/package-lock.json | deps
	cd $(PEER) && npm ci --no-audit --no-fund --loglevel=error

.PHONY: env
env: ## print the settings for calling go by hand: eval "$(make env)"
	@echo 'export GOFLAGS="-tags=$(TAGS)" CGO_CXXFLAGS="$(CGO_CXXFLAGS)" CGO_CPPFLAGS="$(CGO_CPPFLAGS)" CGO_LDFLAGS="$(CGO_LDFLAGS)"'

.PHONY: clean
clean: ## remove what was built and the demo's results
	rm -rf bin dist $(STATE) $(WEB)/node_modules $(WEB)/dist/* $(PEER)/node_modules
