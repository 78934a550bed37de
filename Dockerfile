# The build runs on the builder's own platform and compiles for the target's, so
# that no architecture is emulated.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/pullgate ./cmd/pullgate

# Nothing but the program and the authorities that registries' certificates are
# signed by: no shell, no libraries, no time zones.
FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="pullgate" \
      org.opencontainers.image.description="Refuses workloads whose images no node could pull, and says why" \
      org.opencontainers.image.source="https://github.com/pullgate/pullgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/pullgate /pullgate
USER 65532:65532
# Webhook, metrics, probes.
EXPOSE 9443 8080 8081
ENTRYPOINT ["/pullgate"]
CMD ["serve"]
