// Package fair lets so many in at a time, and lets those who wait in by turns:
// who comes with a thousand waits behind the thousand, and nobody else does. It
// is what shuffle sharding approximates where there can only be so many queues;
// here each flow has its own for as long as it waits. Flows that wait for the
// same share a Ticket, and are let in when the first of them would be.
package fair
