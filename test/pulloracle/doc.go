// Package pulloracle holds Pullgate's probe against a real containerd.
//
// `go run ./cmd/oracle` (root, Linux) pulls every scenario with a containerd of
// each of its two pull paths and records its answers in testdata/oracle.json, and
// with -crio those that are about CRI-O's ways in testdata/oracle-crio.json; what
// CRI-O did (`go run ./cmd/oraclecrio`) is in testdata/crio.json.
// The tests need neither: they let Pullgate look at the same scenarios and
// compare. It is a module of its own, so that nothing of it reaches Pullgate's.
package pulloracle
