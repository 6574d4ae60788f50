package chunk

// gearSeed starts the generator of the gear table: "dfsdgear" in ASCII.
const gearSeed = 0x6466736467656172

// gear gives each byte value 64 bits that look random: the first 256 outputs
// of SplitMix64 (Steele, Lea, Flood 2014) from gearSeed.
var gear = makeGear(gearSeed)

func makeGear(state uint64) (table [256]uint64) {
	for i := range table {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		table[i] = z ^ z>>31
	}
	return table
}
