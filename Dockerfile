# The image: nothing but the program, the authorities that registries'
# certificates are signed by, and the licences of what it is linked of; no shell, no libraries, no time zones.
#
# `make image` builds it from this file, without an engine, and leaves in
# bin/image what is copied here. An engine makes the same of it:
#   docker buildx build --platform linux/amd64,linux/arm64 -f Dockerfile bin/image
FROM scratch
ARG TARGETARCH VERSION=dev
LABEL org.opencontainers.image.title="pullgate" \
      org.opencontainers.image.description="Refuses workloads whose images no node could pull, and says why" \
      org.opencontainers.image.source="https://github.com/pullgate/pullgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY licences.txt /licences.txt
COPY pullgate-$TARGETARCH /pullgate
USER 65532:65532
# Webhook, metrics, probes.
EXPOSE 9443 8080 8081
ENTRYPOINT ["/pullgate"]
CMD ["serve"]
