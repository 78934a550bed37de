// Package pace says when an auditor asks what: each subject once in an interval,
// at a time of its own, sooner what is new or broken, and never more of a
// registry than its budget allows in any window. It is pure: whoever uses it
// tells the time.
package pace
