// Package report writes what was found out about images: for a person, for
// programs, for code scanning, for CI servers and as a page. It does not know
// where a report came from.
package report
