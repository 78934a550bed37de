// Package certs has the serving certificate of the webhook: one that Pullgate
// makes, keeps in a Secret and renews by itself (Manager), or one that somebody
// else puts into a folder (Dir). Either hands it to the TLS server for each
// connection, so that it can change while the server runs.
package certs
