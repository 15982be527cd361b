package config

import (
	"fmt"

	"tributary/internal/table"
)

func (k columnCheck) transforms() {
	for i, t := range k.spec.Transform {
		key := element(k.key("transform"), i)
		if k.required(key+".column", t.Column) {
			k.isCentral(key+".column", t.Column)
			k.mayChange(key+".column", t)
		}
		k.action(key, t)
	}
}

func (k columnCheck) action(key string, t table.Transform) {
	actions := 0
	for _, action := range []string{t.Hash, t.Mask, t.SQL} {
		if action != "" {
			actions++
		}
	}
	if actions != 1 {
		k.Add(key, fmt.Sprintf("has %d actions", actions), "write exactly one of hash, mask and sql; a column may have several transforms, in order")
	}
	if t.Hash != "" {
		k.oneOf(key+".hash", t.Hash, "sha256")
	}
	if t.Mask != "" {
		k.oneOf(key+".mask", t.Mask, "all", "email", "last4")
	}
	if t.Salt == "" {
		return
	}
	if t.Hash == "" {
		k.Add(key+".salt", "has no meaning without hash", "add hash: sha256, or remove it")
	}
	k.reference(key+".salt", t.Salt, k.Add)
}

// mayChange refuses changes that would lose rows: two ids that become one, a cursor that no
// longer tells the newer row.
func (k columnCheck) mayChange(key string, t table.Transform) {
	name := fold(t.Column)
	switch {
	case name == table.ClientColumn || name == table.RegionColumn:
		k.Add(key, fmt.Sprintf("%s is set by Tributary, from the registry", name), "remove the transform")
	case t.Mask != "" && k.isAny(name, k.spec.IDs...):
		k.Add(key, fmt.Sprintf("%q is an id, and masked ids would be the same for different rows", t.Column), "use hash, which keeps them apart")
	case (t.Mask != "" || t.Hash != "") && k.isAny(name, k.spec.Cursor):
		k.Add(key, fmt.Sprintf("%q is the cursor, by which the newer of two rows is known", t.Column), "remove the transform")
	}
}

// isAny says whether a folded central name is that of one of the source columns.
func (k columnCheck) isAny(central string, sources ...string) bool {
	for _, source := range sources {
		name, renamed := k.renamed[fold(source)]
		if !renamed {
			name = source
		}
		if name != "" && fold(name) == central {
			return true
		}
	}
	return false
}
