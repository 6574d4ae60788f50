package smbauth

import (
	"crypto/subtle"
	"slices"
	"time"
)

// ntlmv2Response is what an NT response holds since version 2 (MS-NLMP
// 2.2.2.8): NTProofStr, then NTLMv2_CLIENT_CHALLENGE:
//
//	version 1, version 1, 6 zero, time @8, client challenge @16, 4 zero, AV pairs @28
type ntlmv2Response struct {
	proof [16]byte
	temp  []byte // the client challenge, up to the end of the response
	pairs avPairs
}

const tempHeader = 28

func parseNTLMv2Response(b []byte) (ntlmv2Response, error) {
	if len(b) < 16+tempHeader || b[16] != 1 || b[17] != 1 {
		return ntlmv2Response{}, malformed("NTLMv2 response of %d bytes", len(b))
	}
	r := ntlmv2Response{proof: [16]byte(b[:16]), temp: b[16:]}
	var err error
	if r.pairs, err = parseAVPairs(r.temp[tempHeader:]); err == nil && r.pairs == nil {
		err = malformed("NTLMv2 response without attributes")
	}
	return r, err
}

// makeTemp lays out NTLMv2_CLIENT_CHALLENGE. pairs has its end.
func makeTemp(stamp []byte, clientChallenge [8]byte, pairs []byte) []byte {
	temp := append(make([]byte, 0, tempHeader+len(pairs)+4), 1, 1, 0, 0, 0, 0, 0, 0)
	temp = append(temp, stamp...)
	temp = append(temp, clientChallenge[:]...)
	temp = append(temp, 0, 0, 0, 0)
	temp = append(temp, pairs...)
	return append(temp, 0, 0, 0, 0)
}

// prove checks the response against one hash under each of the domains that a
// client may have meant, and returns the session base key. How long it takes
// does not depend on which of them fits, nor on whether one does.
func (r ntlmv2Response) prove(hash Hash, challenge [8]byte, user string, domains []string) (base [16]byte, proven bool) {
	found := 0
	for _, d := range domains {
		proof, key := ntProof(ntowfv2(hash, user, d), challenge, r.temp)
		fits := subtle.ConstantTimeCompare(proof[:], r.proof[:])
		subtle.ConstantTimeCopy(fits, base[:], key[:])
		found |= fits
	}
	return base, found == 1
}

// meantDomains are the domains to try for one that a client sent (MS-NLMP
// 3.3.2): itself, none, and the server's own names.
func (c Config) meantDomains(sent string) []string {
	domains := make([]string, 0, 6)
	for _, d := range []string{sent, "", c.NetBIOSName, c.NetBIOSDomain, c.DNSName, c.DNSDomain} {
		if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	return domains
}

// targetInfo is what the challenge says about the server. The timestamp makes
// clients protect the exchange with a MIC.
func (c Config) targetInfo(now time.Time) avPairs {
	b := appendAV(nil, avNetBIOSDom, encodeUTF16(c.NetBIOSDomain))
	b = appendAV(b, avNetBIOSName, encodeUTF16(c.NetBIOSName))
	b = appendAV(b, avDNSDom, encodeUTF16(c.DNSDomain))
	b = appendAV(b, avDNSName, encodeUTF16(c.DNSName))
	b = appendAV(b, avTimestamp, fileTime(now))
	return appendAV(b, avEnd, nil)
}
