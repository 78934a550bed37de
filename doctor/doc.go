// Package doctor says whether API servers reach Pullgate, and if not, why and
// what mends it: it asks for dry runs that must come by, reads the pieces on the
// way, and judges what it found. What it reads and asks is a Record; the checks
// that judge it are pure.
package doctor
