// Package engine runs the replicated folders of one host: it joins the core
// (reconcile) with the disk (journal, survey, install), the index, and the
// partners (peer, wire, transfer).
//
// # One folder
//
// A folder runs as a replica: one goroutine, the loop, owns the core and the
// store and is the only one that steps. Everything else sends it closures:
//
//	journal, scans    survey compares disk and index; what it finds becomes Observed and Gone
//	partners          records that a partner was asked for become Received
//	fetcher           contents that have come become Fetched
//	installer         batches that were carried out become Installed
//
// Each turn of the loop takes what has come, steps the core once, which is one
// transaction of the index, and hands out what the core answers: contents to
// the fetcher, plans to the installer in batches, news to the partners.
//
// What must be observed before an event is answered, as after an install that
// found the disk changed, is surveyed first, and the event follows in the same
// step or a later one.
//
// # What others are told
//
// is on this host's stable storage: what a survey found is synced before the loop
// hears of it, what the loop made of it is committed before anybody hears of that,
// and answers are made from snapshots without a commit that is still on its way.
// For what a power cut takes back would come again as another change, by a user or
// under a number that partners know.
//
// # Another configuration
//
// The folders and partners of one configuration are a roster, which does not
// change. Prepare drafts another one out of what the two have in common, and Use
// has Run end what is not in it and begin what is new.
//
// # Faults
//
// A replica ends with an error when its root is not what it was, or its index
// fails. The folder then shows the error, keeps every byte, and opens a new
// replica every few seconds: what mends itself needs no administrator.
package engine
