// Package server serves the webhook to API servers: over TLS and HTTP/1.1, on a
// bounded number of connections, and until every request has its answer.
//
// It takes the place of controller-runtime's own server, of which it keeps the
// paths and their metrics: that one ends the context of every request as soon as
// it is told to stop, and offers HTTP/2, which API servers speak to no Service
// and by which one connection can ask for any number of requests at a time.
package server
