package doctor

// Code names what is wrong.
type Code string

// The codes, a closed set; docs/doctor.md explains each.
const (
	NotInstalled      Code = "NotInstalled"
	NamespaceExcluded Code = "NamespaceExcluded"
	ObjectExcluded    Code = "ObjectExcluded"
	ServiceMissing    Code = "ServiceMissing"
	WrongSelector     Code = "WrongSelector"
	WrongPort         Code = "WrongPort"
	NoReplica         Code = "NoReplica"
	NotReady          Code = "NotReady"
	NoRoute           Code = "NoRoute"
	NameNotResolved   Code = "NameNotResolved"
	Untrusted         Code = "Untrusted"
	WrongName         Code = "WrongName"
	Expired           Code = "Expired"
	ClockWrong        Code = "ClockWrong"
	CallerRefused     Code = "CallerRefused"
	DidNotComeBy      Code = "DidNotComeBy"
	RightMissing      Code = "RightMissing"
	RegistryNotFound  Code = "RegistryNotFound"
	RegistryNoRoute   Code = "RegistryNoRoute"
	RegistryUntrusted Code = "RegistryUntrusted"
	ProxyUnreachable  Code = "ProxyUnreachable"
	ProfileMissing    Code = "ProfileMissing"
)

// Codes returns all of them.
func Codes() []Code {
	return []Code{
		NotInstalled, NamespaceExcluded, ObjectExcluded, ServiceMissing, WrongSelector, WrongPort, NoReplica, NotReady, NoRoute,
		NameNotResolved, Untrusted, WrongName, Expired, ClockWrong, CallerRefused, DidNotComeBy, RightMissing,
		RegistryNotFound, RegistryNoRoute, RegistryUntrusted, ProxyUnreachable, ProfileMissing,
	}
}
