package advice

// Effect is what a command does.
type Effect string

// The effects, a closed set.
const (
	// Looks changes nothing.
	Looks Effect = "look"
	// Changes changes something that can be changed back.
	Changes Effect = "change"
	// Destroys removes something.
	Destroys Effect = "destroy"
)

// Remedy is one thing to do.
type Remedy struct {
	Text string `json:"text"`
	// Command does it; empty where there is none to give.
	Command string `json:"command,omitempty"`
	Effect  Effect `json:"effect,omitempty"`
	// Applicable says that the command can be run as it stands; else it has
	// placeholders in capital letters.
	Applicable bool `json:"applicable"`
}
