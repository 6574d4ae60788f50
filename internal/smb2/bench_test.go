package smb2

import (
	"fmt"
	"testing"
)

// BenchmarkReferral is the whole hot path of one referral request: split,
// verify, parse, answer, sign, frame.
func BenchmarkReferral(b *testing.B) {
	for _, alg := range signingAlgorithms {
		b.Run(alg.String(), func(b *testing.B) {
			p := newHotPath(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				p.run(b)
			}
		})
	}
}

func BenchmarkParseIoctl(b *testing.B) {
	msg := sample(b, "ioctl-request-referral")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseIoctlRequest(msg); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendIoctl(b *testing.B) {
	out, output := make([]byte, 0, 1024), make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendMessage(out[:0], Header{}, IoctlResponse{Output: output})
	}
}

func BenchmarkParseCreate(b *testing.B) {
	msg := sample(b, "create-request-dfs")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCreateRequest(msg); err != nil {
			b.Fatal(err)
		}
	}
}

var messageSizes = []int{200, 8192}

func BenchmarkSign(b *testing.B) {
	for _, alg := range signingAlgorithms {
		for _, size := range messageSizes {
			b.Run(fmt.Sprintf("%s/%d", alg, size), func(b *testing.B) {
				s := newSigner(b, alg, make([]byte, 16))
				msg := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					s.Sign(msg)
				}
			})
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range signingAlgorithms {
		for _, size := range messageSizes {
			b.Run(fmt.Sprintf("%s/%d", alg, size), func(b *testing.B) {
				s := newSigner(b, alg, make([]byte, 16))
				msg := make([]byte, size)
				s.Sign(msg)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if !s.Verify(msg) {
						b.Fatal("signature refused")
					}
				}
			})
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range ciphers {
		for _, size := range messageSizes {
			b.Run(fmt.Sprintf("%s/%d", c, size), func(b *testing.B) {
				s, _ := pair(b, c)
				plain, packet := make([]byte, size), make([]byte, 0, size+100)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					packet = seal(b, s, packet[:0], plain, 1)
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, c := range ciphers {
		for _, size := range messageSizes {
			b.Run(fmt.Sprintf("%s/%d", c, size), func(b *testing.B) {
				s, o := pair(b, c)
				packet := seal(b, s, nil, make([]byte, size), 1)
				room := make([]byte, 0, size+100)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := o.Open(room, packet); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkNewSigner(b *testing.B) {
	for _, alg := range signingAlgorithms {
		b.Run(alg.String(), func(b *testing.B) {
			key := make([]byte, 16)
			b.ReportAllocs()
			for b.Loop() {
				newSigner(b, alg, key)
			}
		})
	}
}

func BenchmarkDeriveKeys(b *testing.B) {
	var h PreauthHash
	key := make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		DeriveKeys(Dialect311, CipherAES128GCM, key, &h)
	}
}
