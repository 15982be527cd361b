package delta

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// The columns of a checkpoint, in the protocol's words. Each row has one of them, the others are NULL; what the
// protocol requires within one is nullable all the same, as other writers have it.
var checkpointSchema = arrow.NewSchema([]arrow.Field{
	nullable("txn", arrow.StructOf(
		nullable("appId", arrow.BinaryTypes.String),
		nullable("version", arrow.PrimitiveTypes.Int64),
		nullable("lastUpdated", arrow.PrimitiveTypes.Int64))),
	nullable("add", arrow.StructOf(
		nullable("path", arrow.BinaryTypes.String),
		nullable("partitionValues", stringMap),
		nullable("size", arrow.PrimitiveTypes.Int64),
		nullable("modificationTime", arrow.PrimitiveTypes.Int64),
		nullable("dataChange", arrow.FixedWidthTypes.Boolean),
		nullable("stats", arrow.BinaryTypes.String),
		nullable("tags", stringMap),
		nullable("deletionVector", vectorStruct))),
	nullable("remove", arrow.StructOf(
		nullable("path", arrow.BinaryTypes.String),
		nullable("deletionTimestamp", arrow.PrimitiveTypes.Int64),
		nullable("dataChange", arrow.FixedWidthTypes.Boolean),
		nullable("extendedFileMetadata", arrow.FixedWidthTypes.Boolean),
		nullable("partitionValues", stringMap),
		nullable("size", arrow.PrimitiveTypes.Int64),
		nullable("tags", stringMap),
		nullable("deletionVector", vectorStruct))),
	nullable("metaData", arrow.StructOf(
		nullable("id", arrow.BinaryTypes.String),
		nullable("name", arrow.BinaryTypes.String),
		nullable("description", arrow.BinaryTypes.String),
		nullable("format", arrow.StructOf(
			nullable("provider", arrow.BinaryTypes.String),
			nullable("options", stringMap))),
		nullable("schemaString", arrow.BinaryTypes.String),
		nullable("partitionColumns", stringList),
		nullable("configuration", stringMap),
		nullable("createdTime", arrow.PrimitiveTypes.Int64))),
	nullable("protocol", arrow.StructOf(
		nullable("minReaderVersion", arrow.PrimitiveTypes.Int32),
		nullable("minWriterVersion", arrow.PrimitiveTypes.Int32),
		nullable("readerFeatures", stringList),
		nullable("writerFeatures", stringList))),
}, nil)

// Positions in checkpointSchema.
const (
	columnTxn = iota
	columnAdd
	columnRemove
	columnMetadata
	columnProtocol
)

var (
	stringMap  = arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)
	stringList = arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.BinaryTypes.String, Nullable: true})

	vectorStruct = arrow.StructOf(
		nullable("storageType", arrow.BinaryTypes.String),
		nullable("pathOrInlineDv", arrow.BinaryTypes.String),
		nullable("offset", arrow.PrimitiveTypes.Int32),
		nullable("sizeInBytes", arrow.PrimitiveTypes.Int32),
		nullable("cardinality", arrow.PrimitiveTypes.Int64))
)

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}
