package lake

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"tributary/internal/table"
)

// IDsProperty is the property of a central table that says which ids tell its rows apart, as IDsText writes them. The first
// merge sets it. A table without it takes any.
const IDsProperty = "tributary.ids"

// IDsText writes a batch's ids in hex digits: Spark shows no property that looks like a secret (token, password, access key) or an address (url), and
// what it shows instead would be taken for other ids.
func IDsText(batch table.Batch) string {
	all := slices.Clone(OwnIDs(batch))
	for i, key := range all {
		all[i] = url.QueryEscape(key)
	}
	return hex.EncodeToString([]byte(strings.Join(all, ";")))
}

// OwnIDs are a batch's ids without client_id and region, which are the same in all its rows and are compared anyway; as they are where there are no
// others. Files of rows that a reload keeps have these columns.
func OwnIDs(batch table.Batch) []string {
	if own := slices.DeleteFunc(slices.Clone(batch.Keys), ofTenant); len(own) > 0 {
		return own
	}
	return batch.Keys
}

// MergeKeys are the columns that tell the rows of a central table apart, each once: the batch's ids, and whose they are.
func MergeKeys(batch table.Batch) []string {
	return append(slices.DeleteFunc(slices.Clone(batch.Keys), ofTenant), table.RegionColumn, table.ClientColumn)
}

func ofTenant(column string) bool {
	return strings.EqualFold(column, table.ClientColumn) || strings.EqualFold(column, table.RegionColumn)
}

// CheckIDs is ErrSchema when the rows of a table are told apart by other ids than a batch's: the batch's rows would be added
// beside those that they should replace. Neither order nor case counts, nor whether client_id and region are among them. Has is the table's IDsProperty.
func CheckIDs(has string, batch table.Batch) error {
	if has == "" {
		return nil
	}
	ids, err := IDsOf(has)
	if err != nil {
		return Misfit(batch, "the table's property %s is %q, which cannot be read: remove it, and the next merge writes it anew, with its own ids", IDsProperty, has)
	}
	if slices.Equal(folded(ids), folded(batch.Keys)) {
		return nil
	}
	return Misfit(batch, "its ids (the source's primary key, unless the configuration has ids) are %s, and the table's rows are told apart by %s, so "+
		"that rows would be there twice: if the latter still tell the source's rows apart, say so with ids: [%[2]s]; else drop the "+
		"central table, and run all its clients with --full; clients whose ids differ need tables of their own (target)",
		strings.Join(batch.Keys, ", "), strings.Join(ids, ", "))
}

// IDsOf reads what IDsText wrote.
func IDsOf(text string) ([]string, error) {
	joined, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	var ids []string
	for part := range strings.SplitSeq(string(joined), ";") {
		id, err := url.QueryUnescape(part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func folded(names []string) []string {
	all := slices.DeleteFunc(slices.Clone(names), ofTenant)
	for i, name := range all {
		all[i] = strings.ToLower(name)
	}
	slices.Sort(all)
	return all
}
