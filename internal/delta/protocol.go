package delta

import (
	"fmt"
	"slices"
	"strings"
)

// What this package speaks.
const (
	readerVersion = 1
	writerVersion = 2
)

// writerFeaturesKnown are what writer version 2 stands for, under the names of table features.
var writerFeaturesKnown = []string{"appendOnly", "invariants"}

// legacyFeatures are what a writer version brought, before tables listed their features.
var legacyFeatures = map[int]string{
	3: "checkConstraints", 4: "changeDataFeed, generatedColumns", 5: "columnMapping", 6: "identityColumns",
}

func (p Protocol) checkRead() error {
	if p.MinReaderVersion <= readerVersion {
		return nil
	}
	features := strings.Join(p.ReaderFeatures, ", ")
	if p.MinReaderVersion == 2 {
		features = "columnMapping"
	}
	return fmt.Errorf("%w: reading needs reader version %d (%s), known is %d; read it with Spark, or drop the feature",
		ErrProtocol, p.MinReaderVersion, features, readerVersion)
}

func (p Protocol) checkWrite() error {
	if err := p.checkRead(); err != nil {
		return err
	}
	if p.MinWriterVersion <= writerVersion {
		return nil
	}
	var features []string
	for v := writerVersion + 1; v <= p.MinWriterVersion && v < 7; v++ {
		features = append(features, legacyFeatures[v])
	}
	if p.MinWriterVersion == 7 {
		features = slices.DeleteFunc(slices.Clone(p.WriterFeatures), func(f string) bool { return slices.Contains(writerFeaturesKnown, f) })
		if len(features) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: writing needs writer version %d (%s), known is %d; write it with Spark, or drop the feature",
		ErrProtocol, p.MinWriterVersion, strings.Join(features, ", "), writerVersion)
}

// newerProperties are table properties that only a newer writer honours, unless set to the value here.
var newerProperties = map[string]string{
	"delta.enableChangeDataFeed":           "false",
	"delta.columnMapping.mode":             "none",
	"delta.enableDeletionVectors":          "false",
	"delta.enableRowTracking":              "false",
	"delta.enableInCommitTimestamps":       "false",
	"delta.enableTypeWidening":             "false",
	"delta.enableIcebergCompatV1":          "false",
	"delta.enableIcebergCompatV2":          "false",
	"delta.checkpointPolicy":               "classic",
	"delta.universalFormat.enabledFormats": "",
}

func (m Metadata) checkProperties() error {
	for key, value := range m.Configuration {
		harmless, newer := newerProperties[key]
		if newer && !strings.EqualFold(value, harmless) ||
			strings.HasPrefix(key, "delta.constraints.") || strings.HasPrefix(key, "delta.feature.") {
			return fmt.Errorf("%w: property %s=%s needs more than writer version %d; leave it out", ErrProtocol, key, value, writerVersion)
		}
	}
	_, err := m.settings()
	return err
}

// checkWritable refuses tables whose rules this package cannot enforce: rows are its caller's.
func (m Metadata) checkWritable() error {
	fields, err := parseFields(m.SchemaString)
	if err != nil {
		return err
	}
	for _, f := range fields {
		for _, rule := range []string{"delta.invariants", "delta.generationExpression", "delta.identity.start"} {
			if _, ok := f.Metadata[rule]; ok {
				return fmt.Errorf("%w: column %q has %s, which is not enforced here; write the table with Spark, or drop the rule", ErrProtocol, f.Name, rule)
			}
		}
	}
	if p := m.Format.Provider; p != "" && p != "parquet" {
		return fmt.Errorf("%w: data files are %q, not parquet", ErrProtocol, p)
	}
	return m.checkProperties()
}
