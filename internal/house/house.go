// Package house holds the tests about the tree itself: which room may import
// which, how large files may grow, how logging is written.
//
// The tests open the files themselves, so that the test cache sees every
// change.
package house
