// Package tell writes to the API server what an auditor found out: Events on
// workloads, and a Report for each that has something to report. It writes only
// when what there is to tell has changed.
package tell
