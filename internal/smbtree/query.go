package smbtree

import (
	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
)

// queryInfo answers QUERY_INFO ([MS-SMB2] 3.3.5.20).
func (o *folder) queryInfo(r *smb2.QueryInfoRequest) ([]byte, error) {
	switch r.Type {
	case smb2.InfoFile:
		return o.queryFile(fscc.FileClass(r.Class), r.OutputLength)
	case smb2.InfoFileSystem:
		return o.queryVolume(fscc.VolumeClass(r.Class), r.OutputLength)
	case smb2.InfoSecurity:
		return o.querySecurity(fscc.SecurityParts(r.Additional), r.OutputLength)
	case smb2.InfoQuota:
		return o.queryQuota()
	}
	return nil, smb2.StatusInvalidParameter
}

func (o *folder) queryFile(c fscc.FileClass, limit uint32) ([]byte, error) {
	switch {
	case !c.Documented():
		return nil, smb2.StatusInvalidInfoClass
	case !o.knows(c):
		return nil, smb2.StatusNotSupported
	case uint64(limit) < uint64(c.MinLength()):
		return nil, smb2.StatusInfoLengthMismatch
	case c == fscc.FileAlternateName:
		return nil, smb2.StatusObjectNameNotFound
	case showsAttributes(c) && !o.granted.Has(smb2.AccessReadAttributes):
		return nil, smb2.StatusAccessDenied
	}
	f := o.describe()
	return cut(f.Append(nil, c), limit)
}

// knows reports whether folders answer the class in the dialect of the client.
func (o *folder) knows(c fscc.FileClass) bool {
	switch c {
	case fscc.FilePipe, fscc.FilePipeLocal:
		return false
	case fscc.FileNormalizedName:
		return o.dialect == smb2.Dialect300 || o.dialect == smb2.Dialect311
	case fscc.FileID:
		return o.dialect >= smb2.Dialect300
	}
	return c.MinLength() > 0
}

// showsAttributes reports whether the class takes the right to read attributes.
func showsAttributes(c fscc.FileClass) bool {
	switch c {
	case fscc.FileBasic, fscc.FileAll, fscc.FileNetworkOpen, fscc.FileAttributeTag:
		return true
	}
	return false
}

func (o *folder) describe() fscc.File {
	return fscc.File{
		Times:        fscc.TimesAt(o.created),
		Attributes:   o.attributes(),
		Directory:    true,
		ID:           o.node.ID(),
		VolumeSerial: o.serial,
		Access:       uint32(o.granted),
		Mode:         o.mode,
		Path:         o.node.Path(),
	}
}

func (o *folder) queryVolume(c fscc.VolumeClass, limit uint32) ([]byte, error) {
	switch {
	case !c.Documented():
		return nil, smb2.StatusInvalidInfoClass
	case c.MinLength() == 0:
		return nil, smb2.StatusNotSupported
	case uint64(limit) < uint64(c.MinLength()):
		return nil, smb2.StatusInfoLengthMismatch
	}
	v := o.volume()
	return cut(v.Append(nil, c), limit)
}

// volume describes the namespace as a small read-only volume. It claims to be
// empty and not full: programs that watch disks warn of full ones.
func (o *folder) volume() fscc.Volume {
	const gibibyteOfUnits = 1 << 18 // of 8 sectors with 512 bytes
	return fscc.Volume{
		Created: o.created,
		Serial:  uint32(o.serial),
		Label:   o.root.Name(),
		ID:      o.volumeID(),
		Capabilities: fscc.CapabilityCasePreserved | fscc.CapabilityUnicode | fscc.CapabilityACLs |
			fscc.CapabilityReparsePoints | fscc.CapabilityObjectIDs | fscc.CapabilityReadOnly,
		FileSystem:      "NTFS",
		TotalUnits:      gibibyteOfUnits,
		FreeUnits:       gibibyteOfUnits,
		SectorsPerUnit:  8,
		BytesPerSector:  512,
		Characteristics: fscc.DeviceMounted | fscc.DeviceReadOnly,
	}
}

// querySecurity: the SACL takes a right that nobody gets here.
func (o *folder) querySecurity(parts fscc.SecurityParts, limit uint32) ([]byte, error) {
	if parts&fscc.SecuritySACL != 0 || !o.granted.Has(smb2.AccessReadControl) {
		return nil, smb2.StatusAccessDenied
	}
	d := securityDescriptor()
	b := d.Append(nil, parts)
	if uint64(len(b)) > uint64(limit) {
		return nil, &BufferTooSmallError{Needed: uint32(len(b))}
	}
	return b, nil
}

// securityDescriptor says of every folder that it belongs to the administrators
// and that all may read it.
func securityDescriptor() fscc.SecurityDescriptor {
	const inherit = fscc.ACEObjectInherit | fscc.ACEContainerInherit
	return fscc.SecurityDescriptor{
		Owner: fscc.Administrators(),
		Group: fscc.Administrators(),
		DACL: []fscc.ACE{
			{Flags: inherit, Mask: uint32(accessRead), Who: fscc.Everyone()},
			{Flags: inherit, Mask: uint32(accessRead), Who: fscc.AuthenticatedUsers()},
		},
	}
}

// cut returns what of b the client takes. Only names are ever cut: whoever
// calls has made sure that the rest fits. They begin at even offsets.
func cut(b []byte, limit uint32) ([]byte, error) {
	if uint64(len(b)) <= uint64(limit) {
		return b, nil
	}
	return b[:limit&^1], smb2.StatusBufferOverflow
}
