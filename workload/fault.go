package workload

// FieldError is a field that is not as it should be.
type FieldError struct {
	// Field is its path, such as "spec.containers[0].image"; of a list of the
	// configuration, the place in it: "[0]".
	Field string
	// Unquoted says that a string is expected, and that a number or the like stands
	// there for want of quotes.
	Unquoted bool
	Err      error
}

// Error begins with the field.
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }
