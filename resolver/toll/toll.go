package toll

import "context"

type key struct{}

// Before has leave asked for before each request of a context, by the host that it
// goes to. An error keeps it from being sent.
func Before(ctx context.Context, leave func(host string) error) context.Context {
	return context.WithValue(ctx, key{}, leave)
}

// Leave asks for leave for a request of a context; where nobody wants to be asked,
// there is.
func Leave(ctx context.Context, host string) error {
	if leave, ok := ctx.Value(key{}).(func(string) error); ok {
		return leave(host)
	}
	return nil
}
