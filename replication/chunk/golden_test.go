package chunk

// Made by this package when format 1 was frozen.
const goldenGear = "f7b64b84d73c1e0a"

var goldenCuts = []struct {
	average Average
	chunks  int
	first   int64
	hash    string // first 8 bytes of the BLAKE3 of the encoded list
}{
	{1 << 10, 1786, 1084, "bad49dc48b32a8a9"},
	{4 << 10, 450, 4671, "2b09ebad3b5b80ea"},
	{64 << 10, 28, 68129, "5c187d3f5d9b92a7"},
	{1 << 20, 2, 1140347, "9ec3790dacb15839"},
}

// goldenList and goldenRecipe are the encodings that recipe_codec.go and
// list_codec.go draw, written out by hand for the values in codec_test.go.
const goldenList = "01" + "0c" + "00" + "8120" + // format, 4 KiB, level 0, 4097 bytes
	"1111111111111111111111111111111111111111111111111111111111111111" +
	"02" + "8020" + "22222222222222222222222222222222" + "01" + "33333333333333333333333333333333"

const goldenRecipe = "01" + "9603" + // format, 406 bytes
	"1111111111111111111111111111111111111111111111111111111111111111" +
	"03" +
	"9003" + "9003" + // copy 200 bytes from 200: 200<<1, zigzag(200)
	"0d" + "22222222222222222222222222222222" + // fetch 6 bytes: 6<<1|1
	"9003" + "9f06" // copy 200 bytes from 0: zigzag(0-400) = 799
