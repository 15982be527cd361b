package delta

import (
	"fmt"
	"slices"
	"strings"
)

// What this package speaks: these versions, and with deletion vectors those that list their features.
const (
	readerVersion        = 1
	writerVersion        = 2
	readerWithFeatures   = 3
	writerWithFeatures   = 7
	deletionVectors      = "deletionVectors"
	readerColumnMapping  = 2
	columnMappingFeature = "columnMapping"
)

// Features known here, of tables that list theirs. appendOnly and invariants are what writer version 2 stands for. The last two are types: a
// table with a column of one is refused by its schema, one that only allows them (delta-rs lists variantType where it allows deletion
// vectors) is as any other.
var (
	readerFeaturesKnown = []string{deletionVectors, "timestampNtz", "variantType"}
	writerFeaturesKnown = append([]string{"appendOnly", "invariants"}, readerFeaturesKnown...)
)

// legacyFeatures are what a writer version brought, before tables listed their features.
var legacyFeatures = map[int]string{
	3: "checkConstraints", 4: "changeDataFeed, generatedColumns", 5: columnMappingFeature, 6: "identityColumns",
}

// hasVectors says whether files of the table may have deletion vectors.
func (p Protocol) hasVectors() bool {
	return slices.Contains(p.ReaderFeatures, deletionVectors) && slices.Contains(p.WriterFeatures, deletionVectors)
}

// withVectors returns the protocol with deletion vectors. What the versions stood for is then listed.
func (p Protocol) withVectors() Protocol {
	if p.MinWriterVersion < writerWithFeatures {
		p.WriterFeatures = []string{"appendOnly", "invariants"}
	}
	p.ReaderFeatures, p.WriterFeatures = append(slices.Clone(p.ReaderFeatures), deletionVectors), append(slices.Clone(p.WriterFeatures), deletionVectors)
	p.MinReaderVersion, p.MinWriterVersion = readerWithFeatures, writerWithFeatures
	return p
}

// protocol returns the protocol that the transaction's commit sets: of a new table, or of one whose metadata comes to need more; else nil.
func (tx *Tx) protocol() *Protocol {
	p := Protocol{MinReaderVersion: readerVersion, MinWriterVersion: writerVersion}
	if tx.Read != nil {
		p = tx.Read.Protocol
	}
	if tx.Metadata != nil && !p.hasVectors() {
		if set, err := tx.Metadata.settings(); err == nil && set.deletionVectors {
			p = p.withVectors()
			return &p
		}
	}
	if tx.Read != nil {
		return nil
	}
	return &p
}

// mayDelete says whether the table that the transaction leaves has deletion vectors.
func (tx *Tx) mayDelete(m *Metadata) bool {
	set, err := m.settings()
	return err == nil && set.deletionVectors && (tx.protocol() != nil || tx.Read.Protocol.hasVectors())
}

func (p Protocol) checkRead() error {
	if p.MinReaderVersion <= readerVersion {
		return nil
	}
	features := []string{columnMappingFeature}
	if p.MinReaderVersion != readerColumnMapping {
		features = unknown(p.ReaderFeatures, readerFeaturesKnown)
	}
	if p.MinReaderVersion == readerWithFeatures && len(features) == 0 {
		return nil
	}
	return fmt.Errorf("%w: reading needs reader version %d (%s), known is %d; read it with Spark, or drop the feature",
		ErrProtocol, p.MinReaderVersion, strings.Join(features, ", "), readerVersion)
}

func unknown(features, known []string) []string {
	return slices.DeleteFunc(slices.Clone(features), func(f string) bool { return slices.Contains(known, f) })
}

func (p Protocol) checkWrite() error {
	if err := p.checkRead(); err != nil {
		return err
	}
	if p.MinWriterVersion <= writerVersion {
		return nil
	}
	var features []string
	for v := writerVersion + 1; v <= p.MinWriterVersion && v < writerWithFeatures; v++ {
		features = append(features, legacyFeatures[v])
	}
	if p.MinWriterVersion == writerWithFeatures {
		if features = unknown(p.WriterFeatures, writerFeaturesKnown); len(features) == 0 {
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
