package smbtree

import (
	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// quotaIndex is the metadata of an NTFS volume that programs open to ask for
// the quotas of users. A namespace has it, and there is nothing in it.
const quotaIndex = `$Extend\$Quota:$Q:$INDEX_ALLOCATION`

// isQuotaIndex reports whether the name in a CREATE is that of the index.
func isQuotaIndex(name string, dfs bool) bool {
	path, err := relative(name, dfs)
	return err == nil && namespace.EqualFold(path, quotaIndex)
}

// accessQuota is what the index can be opened for: nothing in it can be listed.
const accessQuota = accessRead &^ (smb2.AccessListDirectory | smb2.AccessTraverse)

// asQuotaIndex makes an open of the top of a namespace one of its quota index.
func (o *folder) asQuotaIndex() *folder {
	o.quota, o.created = true, 0
	o.granted &= accessQuota
	return o
}

// attributes are those of an open folder.
func (o *folder) attributes() fscc.Attributes {
	if o.quota {
		return fscc.AttributeDirectory | fscc.AttributeHidden | fscc.AttributeSystem | fscc.AttributeArchive
	}
	return fscc.AttributeDirectory
}

// queryQuota answers a question for quotas: the index has no entry, and no
// other folder is asked.
func (o *folder) queryQuota() ([]byte, error) {
	if o.quota {
		return nil, smb2.StatusNoMoreEntries
	}
	return nil, smb2.StatusNotSupported
}
