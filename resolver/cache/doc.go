// Package cache keeps answers for a while: each until a moment of its own, and
// all of them within a number and a size.
package cache
