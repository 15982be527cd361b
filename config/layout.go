package config

import (
	"fmt"

	"tributary/internal/table"
)

// layoutFile says how the files of a central table are laid out.
type layoutFile struct {
	PartitionBy []string `json:"partition_by"`
	ClusterBy   []string `json:"cluster_by"`
	ZOrderBy    []string `json:"zorder_by"`
}

// maxClusterColumns is Databricks' limit: https://docs.databricks.com/aws/en/delta/clustering
const maxClusterColumns = 4

// layout fills in and checks a table's layout, as far as it does not depend on the lake: see checkLayout.
func (c checker) layout(at string, t tableFile, spec *table.Spec) {
	spec.PartitionBy, spec.ClusterBy, spec.ZOrderBy = t.PartitionBy, t.Layout.ClusterBy, t.Layout.ZOrderBy
	if len(t.Layout.PartitionBy) > 0 {
		spec.PartitionBy = t.Layout.PartitionBy
		if len(t.PartitionBy) > 0 {
			c.Add(at+".partition_by", "is given in layout too", "keep one of the two")
		}
	}
	if len(spec.ClusterBy) == 0 {
		if len(spec.PartitionBy) == 0 {
			spec.PartitionBy = []string{table.RegionColumn, table.ClientColumn}
		}
		return
	}
	key := at + ".layout.cluster_by"
	if len(spec.PartitionBy) > 0 {
		c.Add(key, "and partition_by are both given", "keep one: a clustered table has no partitions")
	}
	if len(spec.ClusterBy) > maxClusterColumns {
		c.Add(key, fmt.Sprintf("has %d columns", len(spec.ClusterBy)), fmt.Sprintf("keep at most %d", maxClusterColumns))
	}
}

// columnList is a list of column names and where it is written.
type columnList struct {
	key   string
	names []string
}

// layouts are the lists of central names that lay out the table.
func (k columnCheck) layouts() []columnList {
	partition := "partition_by"
	if !k.Has(k.key(partition)) && k.Has(k.key("layout.partition_by")) {
		partition = "layout.partition_by"
	}
	return []columnList{{partition, k.spec.PartitionBy}, {"layout.cluster_by", k.spec.ClusterBy}, {"layout.zorder_by", k.spec.ZOrderBy}}
}

func (k columnCheck) laidOut() {
	for _, list := range k.layouts() {
		for i, name := range list.names {
			k.isCentral(element(k.key(list.key), i), name)
		}
	}
	for i, name := range k.spec.ZOrderBy {
		if key := element(k.key("layout.zorder_by"), i); has(k.spec.PartitionBy, name) {
			k.Add(key, fmt.Sprintf("%q is a partition column, whose values are in files of their own already", name), "remove it")
		}
	}
	if len(k.spec.ZOrderBy) > 0 && len(k.spec.ClusterBy) > 0 {
		k.Add(k.key("layout.zorder_by"), "cannot be used together with cluster_by, which orders the files itself", "remove it")
	}
}

// checkLayout checks a table's layout against what the lake can do.
func (c checker) checkLayout(at string, kind string, spec table.Spec) {
	if len(spec.ClusterBy) > 0 && kind != LakeDatabricks {
		fix := "use partition_by and zorder_by"
		if kind == LakeLocal {
			fix = "use partition_by"
		}
		c.Add(at+".layout.cluster_by", "is Databricks' liquid clustering, and the lake is of kind "+kind, fix)
	}
	if len(spec.ZOrderBy) > 0 && kind == LakeLocal {
		c.Add(at+".layout.zorder_by", "cannot be done by a local lake", "remove it")
	}
}
