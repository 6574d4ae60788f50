// Package dfsc translates referrals to and from the bytes of [MS-DFSC]: the
// requests REQ_GET_DFS_REFERRAL (2.2.2) and REQ_GET_DFS_REFERRAL_EX (2.2.3) and
// the response RESP_GET_DFS_REFERRAL (2.2.4) in versions 1 to 4. Integers are
// little-endian, strings are UTF-16LE and end with a NUL.
package dfsc
