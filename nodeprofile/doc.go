// Package nodeprofile reads from a node's file system what decides about its
// pulls: the runtime and by which path it pulls, mirrors, CAs, proxies, and of
// credentials their names. A Profile holds no secret's value. It knows neither
// registries nor verdicts.
package nodeprofile
