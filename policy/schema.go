package policy

import _ "embed" // for the schema

//go:embed configuration.schema.json
var configurationSchema string

// Schema is the JSON Schema (draft 7) of configuration files, for editors. It is
// made of the types in this package and their comments.
func Schema() string { return configurationSchema }
