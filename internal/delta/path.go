package delta

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// nullPartition is Hive's name for a NULL partition value in a path. Paths are for people: readers
// take the values from the log.
const nullPartition = "__HIVE_DEFAULT_PARTITION__"

// maxFolder keeps an escaped column=value within what file systems allow for one name (255 bytes).
const maxFolder = 200

// PartitionPath returns the Hive-style folder of a partition, relative to the table's folder and with
// slashes: region=eu/client_id=acme. Odd characters are escaped; a name that is too long for a file
// system is cut and ends in a hash. It is "" for a table without partition columns.
func PartitionPath(columns []string, values map[string]*string) string {
	folders := make([]string, len(columns))
	for i, column := range columns {
		value := nullPartition
		if v := values[column]; v != nil {
			value = escapeHive(*v)
		}
		folders[i] = shorten(escapeHive(column) + "=" + value)
	}
	return strings.Join(folders, "/")
}

// escapeHive escapes what Spark escapes (ExternalCatalogUtils.escapePathName), and spaces, backslashes
// and everything that is not ASCII: such names survive every file system and archive.
func escapeHive(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%'*/:=?\\{}[]^<>|+&;", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func shorten(folder string) string {
	if len(folder) <= maxFolder {
		return folder
	}
	sum := sha256.Sum256([]byte(folder))
	return strings.TrimRight(folder[:maxFolder-33], "%") + "~" + hex.EncodeToString(sum[:16])
}

// EncodePath URL-encodes the path of a file relative to the table's folder (with slashes), as Add.Path has it.
func EncodePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), ":", "%3A") // a colon would read as a URI's scheme
}

// decodePath undoes EncodePath; it is also the identity by which adds and removes meet, because
// writers differ in what they encode. A path that does not decode stands for itself.
func decodePath(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	decoded, err := url.PathUnescape(path)
	if err != nil || !utf8.ValidString(decoded) {
		return path
	}
	return decoded
}

// checkPath accepts the paths that can be read here: relative ones, and absolute ones of this machine.
func checkPath(path string) error {
	scheme, _, found := strings.Cut(path, ":")
	if found && scheme != "file" && !strings.ContainsAny(scheme, "/%=.") && scheme != "" {
		return fmt.Errorf("%w: data file %q is not in a local folder", ErrProtocol, path)
	}
	return nil
}
