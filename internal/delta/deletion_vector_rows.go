package delta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/google/uuid"
)

const (
	vectorMagic   = 1681511377 // of a bitmap in RoaringBitmap's portable 64-bit format
	vectorVersion = 1          // of the files
	// inlineBytes is up to what size a vector goes into the log, where it costs no file of its own.
	inlineBytes = 512
)

// DeletedRows returns the numbers of the file's rows, from 0 on, that are no longer in the table; nil when it has no deletion
// vector. One that is missing, damaged, or not of this file is ErrCorrupt.
func (t *Table) DeletedRows(a *Add) (*roaring64.Bitmap, error) {
	v := a.DeletionVector
	if v == nil {
		return nil, nil
	}
	rows, err := t.readVector(v)
	if err != nil {
		return nil, fmt.Errorf("deletion vector of %s: %w", a.Path, err)
	}
	if n := rows.GetCardinality(); n != uint64(v.Cardinality) {
		return nil, fmt.Errorf("%w: deletion vector of %s has %d rows, the log says %d", ErrCorrupt, a.Path, n, v.Cardinality)
	}
	stats, err := a.Statistics()
	if err == nil && stats != nil && stats.NumRecords >= 0 && !rows.IsEmpty() && rows.Maximum() >= uint64(stats.NumRecords) {
		return nil, fmt.Errorf("%w: deletion vector of %s has row %d of %d", ErrCorrupt, a.Path, rows.Maximum(), stats.NumRecords)
	}
	return rows, nil
}

func (t *Table) readVector(v *DeletionVector) (*roaring64.Bitmap, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	if v.StorageType == storedInLog {
		data, err := decodeZ85(v.PathOrInlineDv)
		if err != nil {
			return nil, err
		}
		if len(data) < int(v.SizeInBytes) {
			return nil, fmt.Errorf("%w: it has %d bytes, the log says %d", ErrCorrupt, len(data), v.SizeInBytes)
		}
		return decodeRows(data[:v.SizeInBytes])
	}
	path, err := v.file(t.dir)
	if err != nil {
		return nil, err
	}
	data, err := readVectorFile(path, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return decodeRows(data)
}

func readVectorFile(path string, v *DeletionVector) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	offset := int64(0)
	if v.Offset != nil {
		offset = int64(*v.Offset)
	}
	if info.Size() < offset+8+int64(v.SizeInBytes) { // before there is memory for what a damaged log says
		return nil, fmt.Errorf("%s has %d bytes, too few for %d at %d", path, info.Size(), v.SizeInBytes, offset)
	}
	whole := make([]byte, 8+int(v.SizeInBytes))
	if _, err := f.ReadAt(whole, offset); err != nil {
		return nil, err
	}
	data = whole[4 : len(whole)-4]
	if n := binary.BigEndian.Uint32(whole); n != uint32(v.SizeInBytes) {
		return nil, fmt.Errorf("%s has a vector of %d bytes at %d, the log says %d", path, n, offset, v.SizeInBytes)
	}
	if sum := crc32.ChecksumIEEE(data); sum != binary.BigEndian.Uint32(whole[len(whole)-4:]) {
		return nil, fmt.Errorf("%s has a wrong checksum at %d", path, offset)
	}
	return data, nil
}

// decodeRows reads a bitmap; the library panics on some damaged ones, which are ErrCorrupt too.
func decodeRows(data []byte) (rows *roaring64.Bitmap, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			rows, err = nil, fmt.Errorf("%w: %v", ErrCorrupt, cause)
		}
	}()
	if len(data) < 4 || binary.LittleEndian.Uint32(data) != vectorMagic {
		return nil, fmt.Errorf("%w: its format is not known", ErrCorrupt)
	}
	rows = roaring64.New()
	if _, err := rows.ReadPortableFrom(bytes.NewReader(data[4:])); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err := rows.Validate(); err != nil && !rows.IsEmpty() {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return rows, nil
}

func encodeRows(rows *roaring64.Bitmap) ([]byte, error) {
	rows.RunOptimize()
	b := bytes.NewBuffer(binary.LittleEndian.AppendUint32(nil, vectorMagic))
	_, err := rows.WritePortableTo(b)
	return b.Bytes(), err
}

// WriteDeletionVectors writes sets of row numbers, and returns where each is. Small ones come to be in the log; the others go into
// one new file in the table's folder, which is on disk when it returns. Its path is returned too, "" when there is none: until a
// commit refers to it, it is the caller's to remove.
func (t *Table) WriteDeletionVectors(sets []*roaring64.Bitmap) (vectors []*DeletionVector, path string, err error) {
	id, body := uuid.New(), []byte{vectorVersion}
	for _, rows := range sets {
		data, err := encodeRows(rows)
		if err != nil {
			return nil, "", fmt.Errorf("write a deletion vector: %w", err)
		}
		v := &DeletionVector{SizeInBytes: int32(len(data)), Cardinality: int64(rows.GetCardinality())}
		if vectors = append(vectors, v); len(data) <= inlineBytes {
			v.StorageType, v.PathOrInlineDv = storedInLog, encodeZ85(data)
			continue
		}
		if len(body)+len(data) > maxVectorFile {
			return nil, "", fmt.Errorf("%w: deletion vectors of one commit take more than %d bytes: optimize the table", ErrInvalid, maxVectorFile)
		}
		offset := int32(len(body))
		v.StorageType, v.PathOrInlineDv, v.Offset = storedInFile, encodeZ85(id[:]), &offset
		body = binary.BigEndian.AppendUint32(body, uint32(len(data)))
		body = append(body, data...)
		body = binary.BigEndian.AppendUint32(body, crc32.ChecksumIEEE(data))
	}
	if len(body) == 1 {
		return vectors, "", nil
	}
	path = filepath.Join(t.dir, vectorName(id))
	if err := writeVectorFile(path, body); err != nil {
		return nil, "", fmt.Errorf("write deletion vectors: %w", errors.Join(err, os.Remove(path)))
	}
	return vectors, path, nil
}

// maxVectorFile keeps offsets within 32 bits, and memory bounded: a vector takes at most an eighth of a byte for each row of its file.
const maxVectorFile = 1 << 30

func writeVectorFile(path string, body []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, bytes.NewReader(body)); err != nil {
		return err
	}
	return f.Sync()
}
