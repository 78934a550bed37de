// Package clock limits how long questions take, without what they wait for on
// purpose.
package clock
