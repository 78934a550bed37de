// Package policy holds what an administrator decides: the configuration's
// types, defaults and validation, and what is done about a report. It is pure:
// no I/O, no clock, and no knowledge of how a verdict came about.
package policy
