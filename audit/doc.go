// Package audit looks at what a cluster has already, as admission would if it
// were created now: every workload once, with what its Pods say of when a broken
// image will hurt. It ends with what enforce would have refused by namespace.
package audit
