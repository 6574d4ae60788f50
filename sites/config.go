package sites

import "net/netip"

// DefaultCost is the cost of a link that names none, as in Active Directory.
const DefaultCost = 100

// Config is a topology as an administrator writes it.
type Config struct {
	Sites   []string       `yaml:"sites"`
	Subnets []SubnetConfig `yaml:"subnets"`
	Links   []LinkConfig   `yaml:"links"`
	Bridges []BridgeConfig `yaml:"bridges"`
	// BridgeAll joins all links into routes, and bridges are not looked at.
	// Without it a route stays within the links of one bridge.
	BridgeAll bool `yaml:"bridge_all"`
}

// SubnetConfig gives the addresses of Prefix to a site.
type SubnetConfig struct {
	Prefix netip.Prefix `yaml:"prefix"`
	Site   string       `yaml:"site"`
}

// LinkConfig is a site link: each of its sites reaches each other one at Cost.
type LinkConfig struct {
	Name  string   `yaml:"name"`
	Sites []string `yaml:"sites"`
	Cost  int      `yaml:"cost"`
}

// BridgeConfig names links that join into routes where Config.BridgeAll is off.
type BridgeConfig struct {
	Name  string   `yaml:"name"`
	Links []string `yaml:"links"`
}

// SetDefaults bridges all links.
func (c *Config) SetDefaults() { *c = Config{BridgeAll: true} }

// SetDefaults gives the link DefaultCost.
func (l *LinkConfig) SetDefaults() { *l = LinkConfig{Cost: DefaultCost} }
