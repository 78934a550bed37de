module github.com/pullgate/pullgate/test/stuck

go 1.26.6

require (
	github.com/pullgate/pullgate/test/e2e v0.0.0
	github.com/pullgate/pullgate/test/pulloracle v0.0.0
)

require (
	github.com/containerd/log v0.2.0 // indirect
	github.com/containerd/platforms v1.0.0-rc.5 // indirect
	github.com/distribution/reference v0.6.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/pullgate/pullgate v0.0.0 // indirect
	github.com/sirupsen/logrus v1.10.2 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260825221802-da73d73af1c5 // indirect
	google.golang.org/grpc v1.83.2 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	k8s.io/cri-api v0.37.2 // indirect
)

replace (
	github.com/pullgate/pullgate => ../..
	github.com/pullgate/pullgate/test/e2e => ../e2e
	github.com/pullgate/pullgate/test/pulloracle => ../pulloracle
)
