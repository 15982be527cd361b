package lake

import (
	"net/url"
	"slices"
	"strings"

	"tributary/internal/table"
)

// IDsProperty is the property of a central table that says which ids tell its rows apart, as IDsText writes them. The first
// merge sets it. A table without it takes any.
const IDsProperty = "tributary.ids"

// IDsText writes a batch's ids without any character that a list of properties needs for itself.
func IDsText(batch table.Batch) string {
	all := make([]string, len(batch.Keys))
	for i, key := range batch.Keys {
		all[i] = url.QueryEscape(key)
	}
	return strings.Join(all, ";")
}

// CheckIDs is ErrSchema when the rows of a table are told apart by other ids than a batch's: the batch's rows would be added
// beside those that they should replace. Neither order nor case counts. Has is the table's IDsProperty.
func CheckIDs(has string, batch table.Batch) error {
	if has == "" {
		return nil
	}
	var ids []string
	for part := range strings.SplitSeq(has, ";") {
		id, err := url.QueryUnescape(part)
		if err != nil {
			return Misfit(batch, "the table's property %s is %q, which cannot be read: remove it, or set it to the table's ids, joined by ;", IDsProperty, has)
		}
		ids = append(ids, id)
	}
	if slices.Equal(folded(ids), folded(batch.Keys)) {
		return nil
	}
	return Misfit(batch, "its ids (the source's primary key, unless the configuration has ids) are %s, and the table's rows are told apart by %s, so "+
		"that rows would be there twice: if the latter still tell the source's rows apart, say so with ids: [%[2]s]; else drop the "+
		"central table, and run all its clients with --full; clients whose ids differ need tables of their own (target)",
		strings.Join(batch.Keys, ", "), strings.Join(ids, ", "))
}

func folded(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strings.ToLower(name)
	}
	slices.Sort(all)
	return all
}
