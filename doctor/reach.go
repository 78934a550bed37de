package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

const (
	// maxReplicas is of how many replicas the certificate is looked at.
	maxReplicas = 5
	// patience is for one connection.
	patience = 5 * time.Second
)

// throughService has the API server connect to a replica as it does for people,
// which leads the same way as its own calls to one of them. Nil says that Pullgate
// answered: that this is no way to ask it, or that it does not know who asks.
func throughService(ctx context.Context, client kubernetes.Interface, target Target) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	err := client.CoreV1().RESTClient().Get().Namespace(target.Namespace).Resource("services").
		Name(utilnet.JoinSchemeNamePort("https", target.Service, strconv.Itoa(int(target.Port)))).
		SubResource("proxy").Suffix("validate").Do(ctx).Error()
	if apierrors.IsMethodNotSupported(err) || apierrors.IsUnauthorized(err) {
		return nil
	}
	return err
}

// replica is an endpoint of the Service.
type replica struct {
	address, pod string
	port         int32
}

// replicas are the ready ones, as API servers are led to them.
func replicas(r *Record) []replica {
	if r.Slices.Err != nil || r.Slices.Value == nil {
		return nil
	}
	var found []replica
	for i := range r.Slices.Value.Items {
		slice := &r.Slices.Value.Items[i]
		port := portOf(slice, portFor(r))
		for j := range slice.Endpoints {
			endpoint := &slice.Endpoints[j]
			if ready := endpoint.Conditions.Ready; port == 0 || len(endpoint.Addresses) == 0 || ready != nil && !*ready {
				continue
			}
			one := replica{address: endpoint.Addresses[0], port: port}
			if endpoint.TargetRef != nil && endpoint.TargetRef.Kind == "Pod" {
				one.pod = endpoint.TargetRef.Name
			}
			found = append(found, one)
		}
	}
	return found[:min(len(found), maxReplicas)]
}

// portFor is the Service's port that is called; nil where it has none of that
// number.
func portFor(r *Record) *corev1.ServicePort {
	if r.Service.Err != nil || r.Service.Value == nil {
		return nil
	}
	for i := range r.Service.Value.Spec.Ports {
		if r.Service.Value.Spec.Ports[i].Port == r.Target.Port {
			return &r.Service.Value.Spec.Ports[i]
		}
	}
	return nil
}

// portOf is an EndpointSlice's port for the Service's; zero where it has none.
func portOf(slice *discoveryv1.EndpointSlice, of *corev1.ServicePort) int32 {
	if of == nil {
		return 0
	}
	for _, port := range slice.Ports {
		if port.Port != nil && (port.Name == nil || *port.Name == of.Name) {
			return *port.Port
		}
	}
	return 0
}

// dialer connects to replicas.
type dialer interface {
	dial(ctx context.Context, to replica) (net.Conn, error)
}

// direct is for who is in the Pods' network.
type direct struct{}

func (direct) dial(ctx context.Context, to replica) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(to.address, strconv.Itoa(int(to.port))))
}

// forwarded is for everybody else: through the API server and the kubelet.
type forwarded struct {
	client    kubernetes.Interface
	config    *rest.Config
	namespace string
}

func (f forwarded) dial(ctx context.Context, to replica) (net.Conn, error) {
	if to.pod == "" {
		return nil, fmt.Errorf("%s is no Pod's", to.address)
	}
	way, upgrade, err := spdy.RoundTripperFor(f.config)
	if err != nil {
		return nil, err
	}
	address := f.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(f.namespace).Name(to.pod).SubResource("portforward").URL()
	stop, ready := make(chan struct{}), make(chan struct{})
	forward, err := portforward.NewOnAddresses(
		spdy.NewDialer(upgrade, &http.Client{Transport: way}, http.MethodPost, address),
		[]string{"127.0.0.1"}, []string{"0:" + strconv.Itoa(int(to.port))}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- forward.ForwardPorts() }()
	select {
	case err := <-failed:
		return nil, err
	case <-ctx.Done():
		close(stop)
		return nil, ctx.Err()
	case <-ready:
	}
	ports, err := forward.GetPorts()
	if err != nil {
		close(stop)
		return nil, err
	}
	local, err := direct{}.dial(ctx, replica{address: "127.0.0.1", port: int32(ports[0].Local)})
	if err != nil {
		close(stop)
		return nil, err
	}
	return &forwardedConn{local, sync.OnceFunc(func() { close(stop) })}, nil
}

// forwardedConn ends what forwards it when it is closed.
type forwardedConn struct {
	net.Conn
	stop func() // once
}

// Close closes the connection and what forwards it. TLS closes it by itself when
// its time is over.
func (c *forwardedConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// servedBy looks at the certificates of replicas.
func servedBy(ctx context.Context, by dialer, all []replica, host string) []Served {
	var served []Served
	for _, one := range all {
		chain, err := shown(ctx, func(ctx context.Context) (net.Conn, error) { return by.dial(ctx, one) }, host)
		name := one.pod
		if name == "" {
			name = one.address
		}
		served = append(served, Served{Replica: name, Chain: chain, Err: err})
	}
	return served
}

// shown is the certificate, and those that go with it, of whom one connects to.
// It is judged by the caBundles, later.
func shown(ctx context.Context, dial func(context.Context) (net.Conn, error), host string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // it is looked at, not trusted
	defer func() { _ = secured.Close() }()                                                                             // nothing was sent
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured.ConnectionState().PeerCertificates, nil
}

// servedAt looks at the certificate of a URL.
func servedAt(ctx context.Context, address string) []Served {
	parsed, err := url.Parse(address)
	if err != nil {
		return []Served{{Replica: address, Err: err}}
	}
	port := parsed.Port()
	if port == "" {
		port = "443"
	}
	chain, err := shown(ctx, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(parsed.Hostname(), port))
	}, parsed.Hostname())
	return []Served{{Replica: parsed.Host, Chain: chain, Err: err}}
}
