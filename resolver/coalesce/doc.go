// Package coalesce makes one of equal questions that are put at the same time.
// Unlike golang.org/x/sync/singleflight it ends a question when nobody waits
// for the answer any more: who asks for what hangs, and goes away, leaves
// nothing. Where an answer serves those who come later, a question may go on
// for a time that has an end. It remembers nothing.
package coalesce
