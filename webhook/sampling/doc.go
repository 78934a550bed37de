// Package sampling bounds how much is logged of what others cause, and counts
// what was left out.
package sampling
