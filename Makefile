# The short names of what one does most.  The build itself is Meson's (meson.build).
#
# `make help` lists the targets.

BUILD ?= build
NINJA ?= ninja

.PHONY: all configure packages test contract hostile check demo bench fuzz fuzz-http mutate format gen layers report install clean help

all: configure                          ## build/waybill, optimised
	@$(NINJA) -C $(BUILD) src/cli/waybill
	@ln -sf src/cli/waybill $(BUILD)/waybill

configure:
	@command -v meson >/dev/null && command -v $(NINJA) >/dev/null || \
	    { echo "make: meson or ninja is missing; \`make packages\` installs what the build needs" >&2; exit 1; }
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --buildtype=release

packages:                               ## install the Debian packages the build needs
	@tool/packages.sh build

test: all                               ## unit tests, then the contract tests in Python
	@$(NINJA) -C $(BUILD)
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs
	@WAYBILL_BINARY=$(abspath $(BUILD))/src/cli/waybill test/contract/run.py

contract: all                           ## the contract tests alone
	@WAYBILL_BINARY=$(abspath $(BUILD))/src/cli/waybill test/contract/run.py

hostile: all                            ## a calm neighbour beside hostile functions and clients
	@WAYBILL_BINARY=$(abspath $(BUILD))/src/cli/waybill test/hostile/run.py

check:                                  ## everything, with sanitizers and two compilers, as CI does
	@./check

demo:                                   ## the main job, with the AWS CLI
	@./demo

bench:                                  ## measure on this machine (bench/README.md)
	@bench/run

FUZZ_SECONDS ?= 60
fuzz:                                   ## each fuzz target for FUZZ_SECONDS (60)
	@tool/fuzz.sh build-fuzz $(FUZZ_SECONDS)

fuzz-http: all                          ## bent requests to every operation for FUZZ_SECONDS (60)
	@tool/fuzz_http.py --seconds $(FUZZ_SECONDS) --binary $(abspath $(BUILD))/src/cli/waybill

ROOMS ?= engine,store,flow
COUNT ?= 20
MUTATE ?=
mutate:                                 ## change COUNT (20) lines in each of ROOMS, one at a time: does a test notice?
	@tool/mutate.py --rooms $(ROOMS) --count $(COUNT) $(MUTATE)

format:                                 ## format what is not
	@tool/formatted.sh --fix

gen:                                    ## src/model again from the AWS models in ../shared/models
	@python3 tool/gen_model.py ../shared/models src/model

layers:                                 ## do all includes point down?
	@python3 tool/layers.py

report:                                 ## lengths, comments, tests against their budgets
	@python3 tool/budget.py

install: all                            ## install; DESTDIR and meson's prefix apply
	@meson install -C $(BUILD) --no-rebuild

clean:                                  ## remove what was built
	rm -rf $(BUILD) build-check build-fuzz build-bench build-mutate

help:                                   ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F"|" "{ printf \"%-18s %s\\n\", \$$1, \$$2 }"
