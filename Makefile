# Kensa. `make help` lists the targets.

# gocv takes its flags from here (tag customenv), so that it links the three
# OpenCV libraries in use and not the whole distribution's 264.
TAGS := customenv,gocv_specific_modules
export CGO_CXXFLAGS := -O2 -std=c++17
export CGO_CPPFLAGS := -I/usr/include/opencv4
export CGO_LDFLAGS  := -lopencv_core -lopencv_imgproc -lopencv_imgcodecs

GO      := go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X kensa/firmware/version.Version=$(VERSION)
WEB     := firmware/display/web
WAFERS  ?= 10
BENCH   ?= .
STATE   ?= var
PURE    := ./bus/... ./warning/... ./hw/...

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install what the build needs and is missing (Debian 12, as root or with sudo)
	@cross-build/deps.sh build

.PHONY: env
env: ## print the settings for calling go by hand: eval "$(make env)"
	@echo 'export GOFLAGS="-tags=$(TAGS)" CGO_CXXFLAGS="$(CGO_CXXFLAGS)" CGO_CPPFLAGS="$(CGO_CPPFLAGS)" CGO_LDFLAGS="$(CGO_LDFLAGS)"'
