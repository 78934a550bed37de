// Package wording writes what people read about an image: what is the matter,
// how that is known, what to do, and what a node would say. It is pure, writes
// from facts alone, and nothing reads its texts back.
package wording
