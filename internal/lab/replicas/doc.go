// Package replicas is the laboratory of replication: real dfsd daemons that
// keep folders equal on real ext4, cut off from each other, killed, starved
// and lied to, with a comparer that shares no code with them.
//
// A group (newGroup) is some members of one replicated folder. Each has an
// ext4 of its own in a loop image, which holds the folder and the index, so
// that a cut of the power takes both at once, and reaches every partner
// through a proxy that can be cut and counts bytes. All of it lives in the
// namespaces of internal/lab and vanishes with them.
//
// Every test changes folders as users do and then demands convergence: all
// members say that nothing is owed, twice in a row, and their trees are
// equal. Tests of the laboratory itself are named TestHarness and need no
// daemon that replicates.
//
//	go test -tags integration ./internal/lab/replicas -v -run 'TestDiskFull'
//
// Environment: DFSD_KILLS is how often TestKilledAgain and TestPowerLoss
// strike (default 5 and 3), DFSD_SEED repeats their dice, DFSD_LAB_LOGS names
// a folder that receives the logs of failed tests, DFSD_LAB_IMAGES one for
// the images (default: in memory), DFSD_100K=1 runs TestKillWith100kFiles.
//
// Everything but this page is built with the tag "integration" only.
package replicas
