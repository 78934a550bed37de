// Package sourcetest holds what every keyring.Source has to do, for the tests of
// those who are one.
package sourcetest
