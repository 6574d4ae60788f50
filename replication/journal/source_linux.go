package journal

// openSource opens one way to hear, or says why it does not work here.
func openSource(m Mode, o Options) (source, error) {
	if m == Fanotify {
		return openFanotify(o)
	}
	return openInotify(o)
}
