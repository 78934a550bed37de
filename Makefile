# Pullgate's commands; `make help` lists them. Only Go, make and git are needed:
# the tools are Go programs at the versions below, and so is the Kubernetes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN := $(CURDIR)/bin
export GOFLAGS := -buildvcs=false
export PATH := $(BIN):$(PATH)

# Pinned tools.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.8.0
HELM_VERSION := v4.3.1
HELM3_VERSION := v3.22.0
GORELEASER_VERSION := v2.16.0
PROMETHEUS_VERSION := v0.316.0
KUBERNETES_VERSION := v1.36.3
CONTAINERD_VERSION := v2.4.2
CRIO_VERSION := v1.34.0
CRICTL_VERSION := v1.37.0
# Other versions, for test-versions.
KUBERNETES_OTHERS := v1.35.4 v1.34.4
CONTAINERD_OLD := v1.7.35 v2.0.14

LDFLAGS := -s -w -X main.version=$(VERSION)
# Of a version of Kubernetes.
KUBE_LDFLAGS_OF = -s -w -X k8s.io/component-base/version.gitVersion=$(1) \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(word 2,$(subst ., ,$(1)))
KUBE_LDFLAGS := $(call KUBE_LDFLAGS_OF,$(KUBERNETES_VERSION))
MODULES := . test/kube test/e2e test/oracle test/pulloracle test/stuck test/operate test/cli test/ci test/page test/release test/auditor
LINTED := . test/e2e test/oracle test/pulloracle test/stuck test/operate test/cli test/ci test/page test/release test/auditor
FUZZTIME ?= 30s
SEEDS ?= 500
FROM ?= 1000

# A node's programs, all of containerd.
CONTAINERD := $(BIN)/containerd-$(CONTAINERD_VERSION)
SHIM := $(BIN)/containerd-shim-runc-v2-$(CONTAINERD_VERSION)
CTR := $(BIN)/ctr-$(CONTAINERD_VERSION)
CRIO := $(BIN)/crio-$(CRIO_VERSION)
CRICTL := $(BIN)/crictl-$(CRICTL_VERSION)

.PHONY: help
help: ## List the commands
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/pullgate
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/pullgate ./cmd/pullgate

.PHONY: kube
kube: ## Build bin/kube: etcd, a control plane, kubelet, kube-proxy and kubectl in one (5 minutes at first)
	cd test/kube && CGO_ENABLED=0 go build -trimpath -ldflags '$(KUBE_LDFLAGS)' -o $(BIN)/kube .

.PHONY: demo
demo: ## Show Pullgate at work, in CI first, then on a local Kubernetes that is built meanwhile
	@cd test/e2e && go build -o $(BIN)/progress ./cmd/progress
	@CGO_ENABLED=0 $(BIN)/progress -name Pullgate -typical 1m -memo $(BIN)/.pullgate.took -- \
		go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/pullgate ./cmd/pullgate
	@cd test/e2e && $(BIN)/progress -name 'the demo' -typical 45s -memo $(BIN)/.demo.took -- go build -o $(BIN)/demo ./cmd/demo
	@exec $(BIN)/demo -root $(CURDIR) -- -trimpath -ldflags '$(KUBE_LDFLAGS)' -o $(BIN)/kube .

.PHONY: test
test: test-unit test-oracle test-image test-cli test-e2e test-auditor ## Test everything that must hold, on a real API server too

.PHONY: test-unit
test-unit: ## Test the packages alone
	go test -race ./...
	go test -run CostOf ./webhook/bench/

.PHONY: test-oracle
test-oracle: ## Compare verdicts with the kubelet's own packages and with what a real containerd did
	cd test/oracle && go test ./...
	cd test/pulloracle && go test ./...

.PHONY: test-cli
test-cli: build kube $(BIN)/helm-$(HELM_VERSION) ## Test command lines, on large charts and a real cluster too
	cd test/cli && go test -count=1 ./...

.PHONY: test-alerts
test-alerts: $(BIN)/promtool-$(PROMETHEUS_VERSION) ## Test the chart's alerts by promtool's unit tests
	$< check rules deploy/chart/files/alerts.yaml
	cd test/alerts && $< test rules *.yaml

.PHONY: test-ci
test-ci: ## Check the jobs in deploy/ci by the CI systems' own validators
	cd test/ci && go test ./...

.PHONY: test-page
test-page: ## Test the report's page in Chromium, which has to be installed
	cd test/page && go test -count=1 ./...

.PHONY: oracle
oracle: $(CONTAINERD) ## Record anew what a real containerd does (Linux, root)
	cd test/pulloracle && go run ./cmd/oracle -containerd $<
	cd test/pulloracle && go run ./cmd/oracle -crio -containerd $< -out testdata/oracle-crio.json
	cd test/pulloracle && go run ./cmd/oracle -seeds 200 -containerd $< -out testdata/random.json

.PHONY: oracle-random
oracle-random: $(CONTAINERD) ## Compare with what a real containerd does with SEEDS=500 scenarios drawn by lot, FROM=1000 on (Linux, root)
	cd test/pulloracle && go run ./cmd/oracle -from $(FROM) -seeds $(SEEDS) -containerd $< -out $(BIN)/random.json
	cd test/pulloracle && go test -count=1 -run TestRandom -v . -args -random $(BIN)/random.json

.PHONY: oracle-crio
oracle-crio: $(CRIO) ## Record anew what a real CRI-O does (Linux, root, conmon, runc; to build it libseccomp-dev, pkg-config)
	cd test/pulloracle && go run ./cmd/oraclecrio -crio $<
	cd test/pulloracle && go test -count=1 -run TestCRIOPage . -update

.PHONY: oracle-old
oracle-old: $(CONTAINERD_OLD:%=$(BIN)/containerd-%) ## Record anew what containerd 1.7 and 2.0 do (Linux, root)
	cd test/pulloracle && for version in $(CONTAINERD_OLD); do \
		go run ./cmd/oracle -old -containerd $(BIN)/containerd-$$version -out testdata/containerd-$$(cut -d. -f1,2 <<< $$version).json; done

.PHONY: test-versions
test-versions: build kube $(KUBERNETES_OTHERS:%=$(BIN)/kube-%) oracle-old ## Test on API servers 1.34, 1.35 and 1.36, and pull anew with containerd 1.7 and 2.0 (Linux, root)
	cd test/pulloracle && go test -count=1 -run 'TestLocalPath|TestRecorded' .
	cd test/e2e && for kube in kube $(KUBERNETES_OTHERS:%=kube-%); do \
		echo "the end-to-end tests on $$kube"; PULLGATE_KUBE=$(BIN)/$$kube go test -count=1 -p 1 -timeout 20m $(E2E); done

.PHONY: test-node
test-node: build kube $(CONTAINERD) $(SHIM) $(CTR) ## Compare with a real kubelet and containerd; UPDATE=1 records docs/agreement.md (Linux, root, runc)
	cd test/pulloracle && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BIN)/ ./cmd/agreement ./cmd/sleeper
	$(BIN)/agreement -root $(CURDIR) -containerd $(CONTAINERD) -shim $(SHIM) -ctr $(CTR) -sleeper $(BIN)/sleeper $(if $(UPDATE),-update)

.PHONY: test-stuck
test-stuck: build kube $(CONTAINERD) $(SHIM) $(CRICTL) ## Explain what real kubelets are stuck at, and run what is proposed; UPDATE=1 records docs/causes.md (Linux, root, runc)
	cd test/pulloracle && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BIN)/ ./cmd/sleeper
	cd test/stuck && CONTAINERD=$(CONTAINERD) SHIM=$(SHIM) CRICTL=$(CRICTL) go test -count=1 -parallel 10 -timeout 10m . $(if $(UPDATE),-args -update)

.PHONY: test-operate
test-operate: image kube $(CONTAINERD) $(SHIM) $(CTR) $(BIN)/helm-$(HELM_VERSION) $(BIN)/helm-$(HELM3_VERSION) $(BIN)/prometheus-$(PROMETHEUS_VERSION) ## Install, harm, heal and remove Pullgate on a whole cluster (Linux, root, runc, CNI, nftables)
	cd test/pulloracle && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BIN)/ ./cmd/sleeper
	$(IMAGE_BUILDER) -name ghcr.io/pullgate/pullgate:0.1.0 -o $(BIN)/image-of-chart.tar
	cd test/operate && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BIN)/provider ./provider
	cd test/operate && CONTAINERD=$(CONTAINERD) SHIM=$(SHIM) CTR=$(CTR) HELM=$(BIN)/helm-$(HELM_VERSION) HELM3=$(BIN)/helm-$(HELM3_VERSION) PROMETHEUS=$(BIN)/prometheus-$(PROMETHEUS_VERSION) \
		go test -count=1 -timeout 30m ./...

# What is tested end to end, but for chaos.
E2E = $$(go list ./... | grep -v /chaos)

.PHONY: test-e2e
test-e2e: build kube ## Test on a real API server with a real kubectl and real registries
	cd test/e2e && go test -count=1 -p 1 -timeout 20m $(E2E)

.PHONY: test-auditor
test-auditor: build kube ## Test the auditor on a real API server, with a clock set by hand
	cd test/auditor && go test -count=1 -timeout 10m ./...

.PHONY: scale
scale: build kube ## Measure the auditor with 1,000 workloads, 20,000 Pods and 2,000 images (10 minutes)
	cd test/auditor && go build -o $(BIN)/scale ./cmd/scale
	$(BIN)/scale -root $(CURDIR)

.PHONY: messages
messages: build kube ## Record docs/messages.md and the README's session anew
	cd test/e2e && go test -count=1 -run 'TestMessages|TestTour' . -update

.PHONY: bench
bench: ## Measure /validate beside an always-allow webhook, print a table, keep all in bin/bench.txt (4 minutes)
	mkdir -p $(BIN)
	go test -run '^$$' -bench 'Validate|Cached' -benchtime 1s -count 5 ./webhook/bench/ > $(BIN)/bench.txt
	go test -run '^$$' -bench RoundTrips -benchtime 500ms -count 3 ./webhook/bench/ >> $(BIN)/bench.txt
	go test -run '^$$' -bench 'Hung|Memory' -benchtime 1x ./webhook/bench/ >> $(BIN)/bench.txt
	go test -run '^$$' -bench ManyItems ./manifest/ >> $(BIN)/bench.txt
	@go test -v ./webhook/bench/ -table $(BIN)/bench.txt | grep -v '^ok'

.PHONY: performance
performance: ## Measure everything, also what hangs and what memory it takes, and write docs/performance.md (10 minutes)
	mkdir -p $(BIN)
	go test -run '^$$' -bench 'Validate|Cached' -benchtime 2s -count 5 ./webhook/bench/ | tee $(BIN)/performance.txt
	go test -run '^$$' -bench 'RoundTrips' -benchtime 1s -count 3 ./webhook/bench/ | tee -a $(BIN)/performance.txt
	go test -run '^$$' -bench 'Curves' -benchtime 1s ./webhook/bench/ | tee -a $(BIN)/performance.txt
	go test -run '^$$' -bench 'Hung' -benchtime 1x -count 3 ./webhook/bench/ | tee -a $(BIN)/performance.txt
	go test -run '^$$' -bench 'Idle|Memory|Hostile|Namespaces' -benchtime 1x -timeout 20m ./webhook/bench/ | tee -a $(BIN)/performance.txt
	cd test/cli && go test -run '^$$' -bench Check -benchtime 3x . | tee -a $(BIN)/performance.txt
	go test ./webhook/bench/ -page $(BIN)/performance.txt

.PHONY: chaos
chaos: build kube ## Create 30,000 Pods and more through a real API server while all around it suffers, for an hour; UPDATE=1 records it (Linux, root)
	cd test/e2e && CHAOS_EACH=48s CHAOS_ADMISSIONS=30000 CHAOS_PODS=10000 \
		go test -count=1 -timeout 3h -v ./chaos $(if $(UPDATE),-args -update)

.PHONY: chaos-short
chaos-short: build kube ## The same for ten minutes, with 2,000 Pods of one image instead of 10,000, and without what measures times (Linux, root)
	cd test/e2e && go test -count=1 -timeout 30m -v -skip 'TestSlowRegistrySlowsNobody' ./chaos

.PHONY: bench-instructions
bench-instructions: ## Count the instructions of a cached admission, which repeat where times do not (needs Valgrind)
	webhook/bench/instructions

.PHONY: attack
attack: ## Run the tests that docs/security.md names for its claims, under the race detector; those of test/auditor are in test-auditor
	go test . -run Claims
	claims=$$(sed '/^## What is fuzzed/,$$d' docs/security.md); \
	go test -race -count=1 -run "^($$(grep -o '`\(Test\|Fuzz\)[A-Za-z0-9]*`' <<< "$$claims" | tr -d '`' | sort -u | paste -sd '|'))$$" \
		$$(grep -o '` in `[a-z/.]*`' <<< "$$claims" | sed 's/.*in `/.\//; s/`$$//' | grep -v '^\./test/' | sort -u)

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (default 30s), two at a time
	test/fuzz $(FUZZTIME)

.PHONY: fuzz-hour
fuzz-hour: ## Fuzz all targets within an hour
	test/fuzz hour

.PHONY: lint
lint: $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Check style and the usual mistakes
	@for dir in $(LINTED); do echo "lint $$dir"; (cd $$dir && $< run --allow-parallel-runners --config $(CURDIR)/.golangci.yaml ./...); done

.PHONY: vuln
vuln: $(BIN)/govulncheck-$(GOVULNCHECK_VERSION) ## Look for known vulnerabilities in what is linked in
	@$< ./... || { code=$$?; if [ $$code -eq 3 ]; then exit 3; fi; \
		echo "the vulnerability database cannot be reached from here: nothing was checked"; }

.PHONY: licences
licences: ## Write docs/licences.md: what is linked, and under which licences
	cd test/release && go build -o $(BIN)/ ./cmd/licences
	$(BIN)/licences -root $(CURDIR) > $(BIN)/licences.md
	mv $(BIN)/licences.md docs/licences.md

.PHONY: licences-check
licences-check: ## Check that they are allowed, and that docs/licences.md is up to date
	cd test/release && go build -o $(BIN)/ ./cmd/licences
	$(BIN)/licences -root $(CURDIR) -texts $(BIN)/licences.txt | diff -u docs/licences.md - || { echo 'docs/licences.md is out of date: run `make licences`'; exit 1; }

.PHONY: tidy
tidy: ## Check that the module files are tidy
	@for dir in $(MODULES); do echo "tidy $$dir"; (cd $$dir && go mod tidy -diff); done

# The manifests that are rendered from the chart, and what they are rendered with.
ROLLOUTS := --set-json 'config.workloads=[{"group":"argoproj.io","kind":"Rollout","podTemplates":["spec.template"]}]'
AUDIT := --set config.audit.enabled=true --show-only templates/audit.yaml
TOKENS := --set 'rbac.tokenNamespaces={tokens}' --show-only templates/rbac-tokens.yaml

.PHONY: manifests
manifests: $(BIN)/helm-$(HELM_VERSION) ## Render deploy/install.yaml, and the tests' own manifests, from the chart
	deploy/render $< > deploy/install.yaml
	deploy/render $< $(ROLLOUTS) > test/e2e/testdata/install-rollouts.yaml
	deploy/render $< $(TOKENS) > test/e2e/testdata/rbac-tokens.yaml
	deploy/render $< $(AUDIT) > test/e2e/testdata/audit.yaml

.PHONY: manifests-check
manifests-check: $(BIN)/helm-$(HELM_VERSION) ## Check the chart, and that what is rendered from it is up to date
	$< lint --strict deploy/chart
	deploy/render $< | diff -u deploy/install.yaml - || { echo 'deploy/install.yaml is out of date: run `make manifests`'; exit 1; }
	deploy/render $< $(ROLLOUTS) | diff -u test/e2e/testdata/install-rollouts.yaml - || { echo 'install-rollouts.yaml is out of date: run `make manifests`'; exit 1; }
	deploy/render $< $(TOKENS) | diff -u test/e2e/testdata/rbac-tokens.yaml - || { echo 'rbac-tokens.yaml is out of date: run `make manifests`'; exit 1; }
	deploy/render $< $(AUDIT) | diff -u test/e2e/testdata/audit.yaml - || { echo 'audit.yaml is out of date: run `make manifests`'; exit 1; }

# What the Dockerfile copies, for each architecture, and of what it was linked.
IMAGE := $(BIN)/image
IMAGE_NAME ?= ghcr.io/pullgate/pullgate:$(VERSION)
IMAGE_BUILDER = $(BIN)/image-builder -dockerfile Dockerfile -context $(IMAGE) -version $(VERSION) -created $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: image-files
image-files:
	cd test/release && go build -o $(BIN)/ ./cmd/authorities ./cmd/licences github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	mkdir -p $(IMAGE)
	$(BIN)/authorities > $(IMAGE)/ca-certificates.crt
	$(BIN)/licences -root $(CURDIR) -texts $(IMAGE)/licences.txt > /dev/null
	for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o $(IMAGE)/pullgate-$$arch ./cmd/pullgate; \
		$(BIN)/cyclonedx-gomod bin -json -licenses=false -version $(VERSION) -output $(IMAGE)/pullgate-$$arch.cdx.json $(IMAGE)/pullgate-$$arch; \
	done

.PHONY: image
image: image-files ## Build the container image, bin/image.tar, without an engine; PUSH=1 pushes it as IMAGE_NAME
	cd test/release && go build -o $(BIN)/image-builder ./cmd/image
	$(IMAGE_BUILDER) -name $(IMAGE_NAME) -o $(BIN)/image.tar $(if $(PUSH),-push)

.PHONY: test-image
test-image: image ## Test the container image: the same when built twice, small, for two platforms
	cd test/release && go test -count=1 ./...

.PHONY: release-snapshot
release-snapshot: $(BIN)/goreleaser-$(GORELEASER_VERSION) licences-check ## Build what a release has, publish nothing, and check krew's manifest
	cd test/release && go build -o $(BIN)/ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod sigs.k8s.io/krew/cmd/validate-krew-manifest
	$< check
	$< release --snapshot --clean
	$(BIN)/validate-krew-manifest -skip-install -manifest dist/krew/pullgate.yaml
	$(MAKE) image VERSION=$$(sed -n 's/.*"tag":"\([^"]*\)".*/\1/p' dist/metadata.json)

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN)

$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(BIN)/golangci-lint $@

$(BIN)/govulncheck-$(GOVULNCHECK_VERSION):
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	mv $(BIN)/govulncheck $@

$(BIN)/goreleaser-$(GORELEASER_VERSION):
	GOBIN=$(BIN) go install github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
	mv $(BIN)/goreleaser $@

# Without what finds targets in the clouds, which is most of it.
$(BIN)/promtool-$(PROMETHEUS_VERSION) $(BIN)/prometheus-$(PROMETHEUS_VERSION): $(BIN)/%-$(PROMETHEUS_VERSION):
	GOBIN=$(BIN) go install -tags remove_all_sd github.com/prometheus/prometheus/cmd/$*@$(PROMETHEUS_VERSION)
	mv $(BIN)/$* $@

$(BIN)/helm-$(HELM_VERSION):
	GOBIN=$(BIN) go install helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)
	mv $(BIN)/helm $@

$(BIN)/helm-$(HELM3_VERSION):
	GOBIN=$(BIN) go install helm.sh/helm/v3/cmd/helm@$(HELM3_VERSION)
	mv $(BIN)/helm $@

$(CRICTL):
	GOBIN=$(BIN) CGO_ENABLED=0 go install -ldflags '-s -w' sigs.k8s.io/cri-tools/cmd/crictl@$(CRICTL_VERSION)
	mv $(BIN)/crictl $@

$(CONTAINERD) $(SHIM) $(CTR): $(BIN)/%-$(CONTAINERD_VERSION):
	GOBIN=$(BIN) CGO_ENABLED=0 go install -tags 'no_btrfs no_devmapper no_zfs no_tracing' \
		-ldflags '-s -w -X github.com/containerd/containerd/v2/version.Version=$(CONTAINERD_VERSION)' \
		github.com/containerd/containerd/v2/cmd/$*@$(CONTAINERD_VERSION)
	mv $(BIN)/$* $@

# An older containerd is built by its own go.mod, which excludes modules, in a
# copy of its module.
$(CONTAINERD_OLD:%=$(BIN)/containerd-%): $(BIN)/containerd-%:
	rm -rf $@.src
	cp -r "$$(go mod download -json github.com/containerd/containerd$(if $(filter v2.%,$*),/v2)@$* | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p')" $@.src
	chmod -R u+w $@.src
	cd $@.src && CGO_ENABLED=0 go build -mod=mod -trimpath -tags 'no_btrfs no_devmapper no_zfs no_tracing' \
		-ldflags '-s -w -X github.com/containerd/containerd$(if $(filter v2.%,$*),/v2)/version.Version=$*' -o $@ ./cmd/containerd
	rm -rf $@.src

# Another Kubernetes is the same source with the modules that its version asks for.
$(KUBERNETES_OTHERS:%=$(BIN)/kube-%): $(BIN)/kube-%: test/kube/main.go
	rm -rf $@.src
	mkdir -p $@.src
	cp $< $@.src
	{ echo 'module kube'; sed -n '/^replace (/,$$p' test/kube/go.mod | sed 's/$(KUBERNETES_VERSION:v1.%=v0.%)$$/$(*:v1.%=v0.%)/'; } > $@.src/go.mod
	cd $@.src && go mod edit -go=1.24 -require=k8s.io/kubernetes@$* && go mod tidy && \
		CGO_ENABLED=0 go build -trimpath -ldflags '$(call KUBE_LDFLAGS_OF,$*)' -o $@ .
	rm -rf $@.src

# CRI-O is built by its own go.mod, in a copy of its module.
$(CRIO):
	rm -rf $(BIN)/crio.src
	cp -r "$$(go mod download -json github.com/cri-o/cri-o@$(CRIO_VERSION) | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p')" $(BIN)/crio.src
	chmod -R u+w $(BIN)/crio.src
	cd $(BIN)/crio.src && go build -mod=mod -trimpath -ldflags '-s -w' \
		-tags 'containers_image_openpgp containers_image_ostree_stub exclude_graphdriver_btrfs exclude_graphdriver_devicemapper' -o $@ ./cmd/crio
	rm -rf $(BIN)/crio.src
