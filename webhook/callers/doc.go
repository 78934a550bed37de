// Package callers tells API servers from strangers, who are answered by 401
// before anything of their request is read.
package callers
